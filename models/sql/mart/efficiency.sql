-- mart.efficiency: the published ranking; every municipality has a row, ranked or not.
-- Grain: one row per service_area, period and municipality.
-- Unit: indices and scores are points, 0-100, 100 is best; rank 1 is best, ties share a rank.

select
    i.service_area, i.period, i.municipality, m.title as municipality_title,
    i.resource_index, i.quality_index, i.efficiency_score, i.rka_index,
    i.efficiency_rank, i.n_ranked, p.peer_mean, i.status
from mart.index as i
inner join staging.municipality as m on i.municipality = m.municipality
left join mart.peer_comparison as p
    on i.service_area = p.service_area and i.period = p.period and i.municipality = p.municipality
