-- staging.observation_state: what was known of every cell at staging.as_of.
-- Grain: one row per kpi, municipality, period and gender that Kolada has ever answered.
-- Unit: value is in the unit of its KPI; state is value, missing or withdrawn.

with latest as (
    select kpi, municipality, period, gender, value, "count", status, is_deleted, retrieved_at, answer
    from raw.observation
    where retrieved_at <= (select as_of from staging.as_of)
    qualify row_number() over (
        partition by kpi, municipality, period, gender
        order by retrieved_at desc
    ) = 1
)

select
    kpi, municipality, period, gender, value, "count", status, retrieved_at, answer,
    case
        when is_deleted then 'withdrawn'
        when value is null or status <> '' then 'missing'
        else 'value'
    end as state
from latest
