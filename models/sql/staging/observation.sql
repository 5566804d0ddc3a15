-- staging.observation: the latest version of every published Kolada value.
-- Grain: one row per kpi, municipality, period and gender.
-- Unit: value is in the unit of its KPI.

select kpi, municipality, period, gender, value, retrieved_at, answer
from staging.observation_state
-- After the latest is chosen: a value that Kolada has withdrawn must not come back.
where state = 'value'
