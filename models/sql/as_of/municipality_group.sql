-- as_of.municipality_group(moment): Kolada's groups as they were known then.
-- Grain: one row per municipality_group; members are municipality ids.

with latest as (
    select municipality_group, title, members, is_deleted, retrieved_at
    from raw.municipality_group
    where retrieved_at <= moment
    qualify row_number() over (partition by municipality_group order by retrieved_at desc) = 1
)

select municipality_group, title, members, retrieved_at
from latest
where not is_deleted
