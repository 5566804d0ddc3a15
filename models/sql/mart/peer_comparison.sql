-- mart.peer_comparison: every municipality beside the ones that Kolada calls similar.
-- Grain: one row per service_area, period and municipality that has peers.
-- Unit: scores and gaps are index points, 0-100; means are unweighted over the peers with a score.

select
    a.service_area, own.period, own.municipality, a.peer_group,
    max(p.vintage) as vintage,
    count(*) as n_peer,
    count(other.efficiency_score) as n_peer_scored,
    avg(other.efficiency_score order by p.peer) as peer_mean,
    avg(other.resource_index order by p.peer) as peer_mean_resource_index,
    avg(other.quality_index order by p.peer) as peer_mean_quality_index,
    own.efficiency_score - avg(other.efficiency_score order by p.peer) as gap_to_peers,
    case
        when own.efficiency_score is not null
            then count(*) filter (other.efficiency_score > own.efficiency_score) + 1
    end as place_among_peers
from staging.service_area as a
inner join mart.index as own on a.service_area = own.service_area
inner join staging.peer as p on a.peer_group = p.peer_group and own.municipality = p.municipality
left join mart.index as other
    on own.service_area = other.service_area and own.period = other.period
    and p.peer = other.municipality
group by
    a.service_area, own.period, own.municipality, a.peer_group, own.efficiency_score
