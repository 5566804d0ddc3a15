-- mart.peer_value: the value of every indicator beside the values of similar municipalities.
-- Grain: one row per service_area, period, municipality that has peers, and indicator it has a value of.
-- Unit: all numbers are in the indicator's unit; those of peers are null where, the municipality
-- itself included, fewer than five have a value.

select
    own.service_area, own.period, own.municipality, own.indicator, own.kpi, own.value,
    own.value_period, own.is_carried, own.is_preliminary,
    count(*) as n_peer,
    count(other.value) as n_peer_value,
    case when count(other.value) >= 4 then min(other.value) end as peer_low,
    case when count(other.value) >= 4 then quantile_cont(other.value, 0.25) end as peer_lower_quartile,
    case when count(other.value) >= 4 then median(other.value) end as peer_median,
    case when count(other.value) >= 4 then quantile_cont(other.value, 0.75) end as peer_upper_quartile,
    case when count(other.value) >= 4 then max(other.value) end as peer_high
from mart.panel as own
inner join staging.service_area as a on own.service_area = a.service_area
inner join staging.peer as p on a.peer_group = p.peer_group and own.municipality = p.municipality
left join mart.panel as other
    on own.service_area = other.service_area and own.period = other.period
    and own.indicator = other.indicator and p.peer = other.municipality
where own.value is not null
group by
    own.service_area, own.period, own.municipality, own.indicator, own.kpi, own.value,
    own.value_period, own.is_carried, own.is_preliminary
