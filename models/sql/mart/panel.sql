-- mart.panel: the value of every indicator for every municipality, or the reason why there is none.
-- Grain: one row per service_area, period, municipality and indicator.
-- Unit: value is in the indicator's unit; value_period is the year it is about, one year before
-- period where it, or a part of what it is computed from, is carried forward.

with last_period as (
    select
        i.service_area,
        max(o.period) as period
    from staging.indicator as i
    inner join staging.observation as o on i.kpi = o.kpi and o.gender = 'T'
    where i.role in ('cost', 'quality')
    group by i.service_area
),

area_period as (
    select
        a.service_area,
        unnest(generate_series(a.first_period, coalesce(a.last_period, l.period))) as period
    from staging.service_area as a
    inner join last_period as l on a.service_area = l.service_area
),

cell as (
    select
        i.service_area, cast(p.period as integer) as period, m.municipality, i.indicator, i.kpi,
        i.role, i.direction, i.weight, i.carry_forward,
        coalesce(i.plausible_min, '-infinity') as plausible_min,
        coalesce(i.plausible_max, 'infinity') as plausible_max
    from area_period as p
    inner join staging.indicator as i on p.service_area = i.service_area and p.period >= i.first_period
    cross join staging.municipality as m
    where i.kpi is not null
),

state as (
    select
        o.kpi, o.municipality, o.period, o.value, o.state,
        -- Kolada marks nothing as preliminary: a year whose publication is still ahead is.
        coalesce(
            k.publ_period = o.period
            and k.publication_date > cast((select as_of from staging.as_of) as date), false
        ) as is_preliminary
    from staging.observation_state as o
    inner join staging.kpi as k on o.kpi = k.kpi
    where o.gender = 'T'
),

published as (
    select kpi, period
    from state
    where state = 'value'
    group by kpi, period
),

judged as (
    select
        c.service_area, c.period, c.municipality, c.indicator, c.kpi, c.role, c.direction, c.weight,
        own.value, own.is_preliminary,
        case
            when own.state = 'value' and own.value between c.plausible_min and c.plausible_max then null
            when own.state = 'value' then 'implausible'
            when own.state = 'withdrawn' then 'withdrawn'
            when p.kpi is null then 'not_published'
            when own.state = 'missing' then 'missing'
            else 'no_row'
        end as reason,
        before.value as value_before, before.is_preliminary as is_preliminary_before,
        coalesce(
            c.carry_forward = 1 and before.state = 'value'
            and before.value between c.plausible_min and c.plausible_max, false
        ) as has_before
    from cell as c
    left join state as own
        on c.kpi = own.kpi and c.municipality = own.municipality and c.period = own.period
    left join state as before
        on c.kpi = before.kpi and c.municipality = before.municipality
        and c.period - 1 = before.period
    left join published as p on c.kpi = p.kpi and c.period = p.period
),

chosen as (
    select *, reason in ('missing', 'no_row', 'not_published') and has_before as is_carried
    from judged
),

published_value as (
    select
        service_area, period, municipality, indicator, kpi, role, direction, weight,
        case
            when coalesce(is_carried, false) then value_before
            when reason is null then value
        end as value,
        case
            when coalesce(is_carried, false) then period - 1
            when reason is null then period
        end as value_period,
        coalesce(is_carried, false) as is_carried,
        case
            when coalesce(is_carried, false) then is_preliminary_before
            else coalesce(is_preliminary, false) and reason is null
        end as is_preliminary,
        case when not coalesce(is_carried, false) then reason end as reason
    from chosen
),

-- 100 (sum / reference - 1), where the whole of the sum and the reference are known.
formula as (
    select
        i.service_area, i.indicator, i.role, i.direction, i.weight, v.period, v.municipality,
        coalesce(i.plausible_min, '-infinity') as plausible_min,
        coalesce(i.plausible_max, 'infinity') as plausible_max,
        sum(v.value order by f.term) filter (not f.is_reference) as total,
        max(v.value) filter (f.is_reference) as reference,
        count(*) = count(v.value) as is_whole,
        min(v.value_period) as value_period,
        bool_or(v.is_preliminary) as is_preliminary,
        min(v.reason) as reason
    from staging.indicator as i
    inner join staging.formula as f on i.service_area = f.service_area and i.indicator = f.indicator
    inner join published_value as v
        on f.service_area = v.service_area and f.term = v.indicator and v.period >= i.first_period
    group by
        i.service_area, i.indicator, i.role, i.direction, i.weight, v.period, v.municipality,
        i.plausible_min, i.plausible_max
),

computed as (
    select
        *,
        case when is_whole and reference > 0 then 100 * (total / reference - 1) end as value,
        coalesce(100 * (total / reference - 1) between plausible_min and plausible_max, false)
        and is_whole and reference > 0 as is_right
    from formula
),

computed_value as (
    select
        service_area, period, municipality, indicator, cast(null as varchar) as kpi, role, direction,
        weight,
        case when is_right then value end as value,
        case when is_right then value_period end as value_period,
        is_right and value_period < period as is_carried,
        is_right and is_preliminary as is_preliminary,
        case when is_right then null when is_whole then 'implausible' else reason end as reason
    from computed
)

select
    service_area, period, municipality, indicator, kpi, role, direction, weight, value,
    value_period, is_carried, is_preliminary, reason
from published_value
union all
select
    service_area, period, municipality, indicator, kpi, role, direction, weight, value,
    value_period, is_carried, is_preliminary, reason
from computed_value
