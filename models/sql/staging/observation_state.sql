-- staging.observation_state: what was known at staging.as_of of every cell that a run needs.
-- Grain: one row per kpi, municipality, period and gender that Kolada has ever answered.
-- Unit: value is in the unit of its KPI; state is value, missing or withdrawn.

select
    kpi, municipality, period, gender, value, "count", status, retrieved_at, answer, state
from as_of.observation(
    (select as_of from staging.as_of),
    kpis := (select list(kpi order by kpi) from staging.needed_kpi)
)
