-- mart.revision: what Kolada has changed among the values between the moments of staging.interval.
-- Grain: one row per kpi, municipality, period and gender that differs between the two moments.
-- Unit: values and spread are in the unit of the KPI; spread is the interquartile range of the
-- municipalities' values before. Without a moment to compare with there is no row.

with moment as (
    select since, until, materiality
    from staging.interval
),

touched as (
    select
        kpi, municipality, period, gender,
        min(retrieved_at) as first_retrieved_at,
        max(retrieved_at) as last_retrieved_at,
        count(*) as n_version
    from raw.observation
    where
        retrieved_at > (select since from moment)
        and retrieved_at <= (select until from moment)
    group by kpi, municipality, period, gender
),

touched_kpi as (
    select coalesce(list(distinct kpi), []) as kpis
    from touched
),

-- A number beside a status is no value.
before as (
    select
        kpi, municipality, period, gender, state, status,
        case when state = 'value' then value end as value
    from as_of.observation(
        (select since from moment), kpis := (select kpis from touched_kpi)
    )
),

after as (
    select
        kpi, municipality, period, gender, state, status,
        case when state = 'value' then value end as value
    from as_of.observation(
        (select until from moment), kpis := (select kpis from touched_kpi)
    )
),

compared as (
    select
        t.kpi, t.municipality, t.period, t.gender,
        b.value as before_value, a.value as after_value,
        b.status as before_status, a.status as after_status,
        t.first_retrieved_at, t.last_retrieved_at, t.n_version,
        case
            when coalesce(b.state, 'withdrawn') = 'withdrawn' and a.state = 'withdrawn' then null
            when b.state is null then 'new'
            when b.state = 'withdrawn' then 'restored'
            when a.state = 'withdrawn' then 'struck'
            when b.state = 'value' and a.state = 'value' and b.value <> a.value then 'changed'
            when b.state <> a.state or b.status <> a.status then 'status_changed'
        end as kind
    from touched as t
    inner join after as a
        on
            t.kpi = a.kpi and t.municipality = a.municipality and t.period = a.period
            and t.gender = a.gender
    left join before as b
        on
            t.kpi = b.kpi and t.municipality = b.municipality and t.period = b.period
            and t.gender = b.gender
),

-- Those that are gone too: their values are struck with them.
municipality as (
    select municipality, title, type
    from raw.municipality
    where retrieved_at <= (select until from moment)
    qualify row_number() over (partition by municipality order by retrieved_at desc) = 1
),

kpi as (
    select kpi, title
    from raw.kpi
    where retrieved_at <= (select until from moment)
    qualify row_number() over (partition by kpi order by retrieved_at desc) = 1
),

spread as (
    select
        b.kpi, b.period, b.gender,
        quantile_cont(b.value, 0.75) - quantile_cont(b.value, 0.25) as spread
    from before as b
    inner join municipality as m on b.municipality = m.municipality and m.type = 'K'
    where b.value is not null
    group by b.kpi, b.period, b.gender
),

read_before as (
    select distinct kpi
    from before
),

used as (
    select kpi, string_agg(distinct service_area, ', ' order by service_area) as service_areas
    from staging.indicator
    group by kpi
)

select
    c.kpi, k.title as kpi_title, c.municipality,
    coalesce(m.title, c.municipality) as municipality_title, m.type as municipality_type,
    c.period, c.gender, c.kind, c.before_value, c.after_value, c.before_status, c.after_status,
    s.spread,
    case
        when c.before_value is null or c.after_value is null then true
        -- Without a spread, or where most have the same value and it is 0, any change is material:
        -- to show too much is the lesser fault. The last factor is for what decimals lose in
        -- binary, so that a change at the limit is not below it.
        else coalesce(
            abs(c.after_value - c.before_value)
            >= (select materiality from moment) * s.spread * (1 - 1e-9),
            true
        )
    end as is_material,
    -- We began to ask for this KPI; Kolada has not changed it.
    r.kpi is null as is_first_reading,
    u.service_areas, c.first_retrieved_at, c.last_retrieved_at,
    cast(c.n_version as integer) as n_version
from compared as c
left join kpi as k on c.kpi = k.kpi
left join municipality as m on c.municipality = m.municipality
left join spread as s on c.kpi = s.kpi and c.period = s.period and c.gender = s.gender
left join read_before as r on c.kpi = r.kpi
left join used as u on c.kpi = u.kpi
where c.kind is not null
