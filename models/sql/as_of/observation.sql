-- as_of.observation(moment, kpis := null): what was known of every cell then, of all KPIs or some.
-- Grain: one row per kpi, municipality, period and gender that Kolada had ever answered.
-- Unit: value is in the unit of its KPI; state is value, missing or withdrawn.

with latest as (
    select kpi, municipality, period, gender, value, "count", status, is_deleted, retrieved_at, answer
    from raw.observation
    where retrieved_at <= moment and (kpis is null or list_contains(kpis, kpi))
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
