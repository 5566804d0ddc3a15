-- mart.revision_log: how many values of a KPI and year were read anew and were not what they had been.
-- Grain: one row per kpi, period and day on which a known value had become another, or had gone.
-- Unit: counts are municipalities; largest_change is the largest difference, in the KPI's unit.

with version as (
    select
        o.kpi, o.municipality, o.period, o.retrieved_at,
        case when not o.is_deleted and o.status = '' then o.value end as value,
        lag(case when not o.is_deleted and o.status = '' then o.value end) over cell as value_before
    from raw.observation as o
    inner join staging.needed_kpi as n on o.kpi = n.kpi
    where o.gender = 'T' and o.retrieved_at <= (select as_of from staging.as_of)
    window cell as (partition by o.kpi, o.municipality, o.period order by o.retrieved_at)
)

select
    v.kpi, v.period, cast(v.retrieved_at as date) as read_on,
    count(*) filter (v.value is not null) as n_changed,
    count(*) filter (v.value is null) as n_gone,
    max(abs(v.value - v.value_before)) as largest_change
from version as v
inner join staging.municipality as m on v.municipality = m.municipality
where v.value_before is not null and v.value is distinct from v.value_before
group by v.kpi, v.period, cast(v.retrieved_at as date)
