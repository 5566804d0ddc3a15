-- mart.identity_check: equations among Kolada's own figures, and where they do not hold.
-- Grain: one row per identity, period and municipality for which every term is known.
-- Unit: published, computed and difference are percent, or million kronor, as form says.

with term as (
    select t.identity, t.form, t.tolerance, t.part, t.kpi, o.municipality, o.period, o.value
    from staging.identity_term as t
    inner join staging.observation as o on t.kpi = o.kpi and o.gender = 'T'
    inner join staging.municipality as m on o.municipality = m.municipality
),

whole as (
    select
        identity, form, tolerance, municipality, period,
        count(*) as n_term,
        max(value) filter (part = 'published') as published,
        sum(value order by kpi) filter (part = 'net') as net,
        sum(value order by kpi) filter (part = 'reference') as reference,
        max(value) filter (part = 'inhabitants') as inhabitants
    from term
    group by identity, form, tolerance, municipality, period
),

size as (
    select identity, count(*) as n_term
    from staging.identity_term
    group by identity
),

computed as (
    select
        w.identity, w.form, w.tolerance, w.municipality, w.period, w.published,
        case w.form
            when 'percent' then 100 * (w.net / nullif(w.reference, 0) - 1)
            else (w.net - w.reference) * w.inhabitants / 1000000
        end as computed
    from whole as w
    inner join size as s on w.identity = s.identity and w.n_term = s.n_term
)

select
    identity, form, period, municipality, published, computed,
    published - computed as difference,
    tolerance,
    abs(published - computed) > tolerance as is_broken
from computed
where computed is not null
