-- staging.peer: who is similar to whom, by Kolada's groups "Liknande kommuner".
-- Grain: one row per peer_group, municipality and peer.
-- Unit: vintage is the year in the group's title; an id gets new members under a new year.

with titled as (
    select
        members,
        regexp_extract(
            title, '^Liknande kommuner,? (.+), ([^,]+), ([0-9]{4})$', ['peer_group', 'name', 'vintage']
        ) as part
    from staging.municipality_group
    where title like 'Liknande kommuner%'
),

newest as (
    select part.peer_group, part.name, cast(part.vintage as integer) as vintage, members
    from titled
    where part.peer_group <> ''
    qualify row_number() over (
        partition by part.peer_group, part.name
        order by part.vintage desc
    ) = 1
)

select n.peer_group, m.municipality, member.peer, n.vintage
from newest as n
inner join staging.municipality as m on n.name = m.title
cross join unnest(n.members) as member (peer)
inner join staging.municipality as p on member.peer = p.municipality
where member.peer <> m.municipality
