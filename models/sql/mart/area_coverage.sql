-- mart.area_coverage: whether an area can be ranked in a year.
-- Grain: one row per service_area and period.
-- Unit: counts of municipalities; shares are 0-1. Complete means a value of every indicator.

with municipality as (
    select
        service_area, period, municipality,
        bool_and(value is not null) filter (role = 'cost') as has_cost,
        bool_and(value is not null) filter (role = 'quality') as has_quality,
        bool_or(is_preliminary) filter (role in ('cost', 'quality')) as is_preliminary
    from mart.panel
    group by service_area, period, municipality
),

counted as (
    select
        service_area, period,
        count(*) as n_municipality,
        count(*) filter (has_cost) as n_cost,
        count(*) filter (has_quality) as n_quality,
        count(*) filter (has_cost and has_quality) as n_complete,
        bool_or(coalesce(is_preliminary, false)) as is_preliminary
    from municipality
    group by service_area, period
)

select
    c.service_area, c.period, c.n_municipality, c.n_cost, c.n_quality, c.n_complete,
    c.n_complete / c.n_municipality as complete_share,
    a.minimum_share,
    c.n_complete / c.n_municipality >= a.minimum_share as is_covered,
    c.is_preliminary
from counted as c
inner join staging.service_area as a on c.service_area = a.service_area
