-- mart.settled_value: what a value was while it was preliminary, and what it has settled at.
-- Grain: one row per kpi, municipality and period of a total that has been both.
-- Unit: values are in the unit of the KPI; preliminary_value is the first that was known.

with version as (
    select kpi, municipality, period, value, retrieved_at
    from raw.observation
    where
        gender = 'T' and not is_deleted and value is not null and status = ''
        and retrieved_at <= (select as_of from staging.as_of)
        and kpi in (select kpi from staging.indicator)
),

dated as (
    select
        v.kpi, v.municipality, v.period, v.value, v.retrieved_at,
        try_cast(k.publ_period as integer) = v.period
        and k.publication_date > cast(v.retrieved_at as date) as is_preliminary
    from version as v
    -- As the catalogue was when the value was read: its dates move on every year.
    asof join raw.kpi as k on v.kpi = k.kpi and v.retrieved_at >= k.retrieved_at
),

preliminary as (
    select kpi, municipality, period, value
    from dated
    where is_preliminary
    qualify row_number() over (
        partition by kpi, municipality, period
        order by retrieved_at
    ) = 1
)

select
    p.kpi, p.municipality, p.period,
    p.value as preliminary_value,
    o.value as settled_value
from preliminary as p
inner join staging.observation as o
    on p.kpi = o.kpi and p.municipality = o.municipality and p.period = o.period and o.gender = 'T'
inner join staging.kpi as k on p.kpi = k.kpi
where
    k.publ_period is distinct from p.period
    or k.publication_date is null
    or k.publication_date <= cast((select as_of from staging.as_of) as date)
