-- mart.definition_change: what Kolada has changed of KPIs, municipalities and groups of them
-- between the two moments of staging.interval.
-- Grain: one row per object, id and field that differs; one row for what is new or gone.
-- Unit: before and after are text, members are names. Without a moment to compare with, no row.

with moment as (
    select since, until
    from staging.interval
    where since is not null
),

known as (
    select 'before' as side, kpi, title, description, is_divided_by_gender, municipality_type,
        auspice, operating_area, perspective, prel_publication_date, publication_date, publ_period,
        has_ou_data
    from as_of.kpi((select since from moment))
    union all
    select 'after' as side, kpi, title, description, is_divided_by_gender, municipality_type,
        auspice, operating_area, perspective, prel_publication_date, publication_date, publ_period,
        has_ou_data
    from as_of.kpi((select until from moment))
),

known_municipality as (
    select 'before' as side, municipality, title, type
    from as_of.municipality((select since from moment))
    union all
    select 'after' as side, municipality, title, type
    from as_of.municipality((select until from moment))
),

known_group as (
    select 'before' as side, municipality_group, title, members
    from as_of.municipality_group((select since from moment))
    union all
    select 'after' as side, municipality_group, title, members
    from as_of.municipality_group((select until from moment))
),

version as (
    select
        side, 'kpi' as object, kpi as id, title,
        [
            {'field': 'title', 'content': title},
            {'field': 'description', 'content': description},
            {'field': 'is_divided_by_gender', 'content': cast(is_divided_by_gender as varchar)},
            {'field': 'municipality_type', 'content': municipality_type},
            {'field': 'auspice', 'content': auspice},
            {'field': 'operating_area', 'content': operating_area},
            {'field': 'perspective', 'content': perspective},
            {'field': 'prel_publication_date', 'content': cast(prel_publication_date as varchar)},
            {'field': 'publication_date', 'content': cast(publication_date as varchar)},
            {'field': 'publ_period', 'content': publ_period},
            {'field': 'has_ou_data', 'content': cast(has_ou_data as varchar)}
        ] as fields
    from known
    union all
    select
        side, 'municipality' as object, municipality as id, title,
        [{'field': 'title', 'content': title}, {'field': 'type', 'content': type}] as fields
    from known_municipality
    union all
    select
        side, 'municipality_group' as object, municipality_group as id, title,
        [
            {'field': 'title', 'content': title},
            -- In another order they are the same members.
            {'field': 'members', 'content': array_to_string(list_sort(members), ' ')}
        ] as fields
    from known_group
),

side_by_side as (
    select
        coalesce(a.object, b.object) as object, coalesce(a.id, b.id) as id,
        b.title as title_before, a.title as title_after,
        b.fields as fields_before, a.fields as fields_after
    from (select object, id, title, fields from version where side = 'before') as b
    full join (select object, id, title, fields from version where side = 'after') as a
        on b.object = a.object and b.id = a.id
    where b.fields is distinct from a.fields and (select since from moment) is not null
),

by_field as (
    select
        object, id, title_before, title_after,
        unnest(fields_before) as was, unnest(fields_after) as is_now
    from side_by_side
    where title_before is not null and title_after is not null
),

change as (
    select
        object, id, cast(null as varchar) as field, title_before as before, title_after as after,
        coalesce(title_after, title_before) as title
    from side_by_side
    where title_before is null or title_after is null
    union all
    select
        object, id, is_now.field as field, was.content as before, is_now.content as after,
        title_after as title
    from by_field
    where was.content is distinct from is_now.content
),

name as (
    select municipality, arg_min(title, side) as title  -- 'after' comes before 'before'
    from known_municipality
    group by municipality
),

member as (
    select side, municipality_group as id, unnest(members) as municipality
    from known_group
    where municipality_group in (select id from change where field = 'members')
),

membership as (
    select
        m.id, coalesce(n.title, m.municipality) as title,
        bool_or(m.side = 'before') as was_member, bool_or(m.side = 'after') as is_member
    from member as m
    left join name as n on m.municipality = n.municipality
    group by m.id, m.municipality, n.title
),

members as (
    select
        id,
        string_agg(title, ', ' order by title) filter (was_member) as before,
        string_agg(title, ', ' order by title) filter (is_member) as after,
        string_agg(title, ', ' order by title) filter (is_member and not was_member) as joined,
        string_agg(title, ', ' order by title) filter (was_member and not is_member) as departed
    from membership
    group by id
),

-- As staging.peer reads the title.
peer_title as (
    select
        id,
        regexp_extract(
            title, '^Liknande kommuner,? (.+), ([^,]+), ([0-9]{4})$', ['peer_group', 'name', 'vintage']
        ) as part
    from change
    where object = 'municipality_group'
),

used as (
    select 'kpi' as object, kpi as id, service_area, cast(null as varchar) as peer_of
    from staging.indicator
    union all
    select 'municipality_group' as object, p.id, a.service_area, n.municipality as peer_of
    from peer_title as p
    inner join staging.service_area as a on p.part.peer_group = a.peer_group
    left join name as n on p.part.name = n.title
    union all
    select 'municipality' as object, m.municipality as id, a.service_area, null as peer_of
    from known_municipality as m
    cross join staging.service_area as a
    where m.type = 'K'
),

used_by as (
    select
        object, id, max(peer_of) as peer_of,
        string_agg(distinct service_area, ', ' order by service_area) as service_areas
    from used
    group by object, id
),

named as (
    select
        c.object, c.id, c.title, c.field, m.joined, m.departed,
        case when c.field = 'members' then m.before else c.before end as before,
        case when c.field = 'members' then m.after else c.after end as after,
        case
            when c.field is null
                then if(c.object = 'municipality_group', 'group', c.object)
                    || if(c.before is null, '_new', '_gone')
            when c.field = 'members' then 'group_members'
            when c.field = 'title' and c.object = 'municipality_group' then 'group_retitled'
            when c.field = 'title' and c.object = 'municipality' then 'municipality_retitled'
            when
                c.field = 'title' and regexp_matches(c.after, '\(-\s*\d{4}\)\s*$')
                and not regexp_matches(c.before, '\(-\s*\d{4}\)\s*$')
                then 'ended'
            when c.field = 'title' then 'retitled'
            when c.field = 'description' then 'redefined'
            when c.field = 'is_divided_by_gender' then 'gender_division'
            when c.field in ('prel_publication_date', 'publication_date', 'publ_period')
                then 'publication_date'
            else 'other_field'
        end as kind
    from change as c
    left join members as m on c.id = m.id and c.field = 'members'
)

select
    c.object, c.id, c.title, c.kind, c.field, c.before, c.after, c.joined, c.departed,
    u.service_areas, u.peer_of,
    u.service_areas is not null and c.kind <> 'publication_date' as is_material
from named as c
left join used_by as u on c.object = u.object and c.id = u.id
