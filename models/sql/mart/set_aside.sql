-- mart.set_aside: what is left out, and why. Nothing disappears in silence.
-- Grain: one row per service_area, period, municipality and indicator without a value.
-- Unit: value is the one refused where the reason is implausible, and otherwise null.

select
    p.service_area, p.period, p.municipality, p.indicator, p.kpi, p.role, p.reason,
    o.status,
    case when p.reason = 'implausible' then o.value end as value
from mart.panel as p
left join staging.observation_state as o
    on p.kpi = o.kpi and p.municipality = o.municipality and p.period = o.period and o.gender = 'T'
where p.reason is not null
