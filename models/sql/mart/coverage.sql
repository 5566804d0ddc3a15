-- mart.coverage: how many municipalities have each indicator, and why the others have not.
-- Grain: one row per service_area, period and indicator.
-- Unit: counts of municipalities; value_share is 0-1.

select
    service_area, period, indicator, kpi, role,
    count(*) as n_municipality,
    count(value) as n_value,
    count(*) filter (is_carried) as n_carried,
    count(*) filter (is_preliminary) as n_preliminary,
    count(*) filter (reason = 'no_row') as n_no_row,
    count(*) filter (reason = 'missing') as n_missing,
    count(*) filter (reason = 'withdrawn') as n_withdrawn,
    count(*) filter (reason = 'not_published') as n_not_published,
    count(*) filter (reason = 'implausible') as n_implausible,
    count(value) / count(*) as value_share
from mart.panel
group by service_area, period, indicator, kpi, role
