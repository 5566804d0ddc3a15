-- staging.municipality_group: Kolada's groups as they were known at staging.as_of.
-- Grain: one row per municipality_group; members are municipality ids.

with latest as (
    select municipality_group, title, members, is_deleted
    from raw.municipality_group
    where retrieved_at <= (select as_of from staging.as_of)
    qualify row_number() over (partition by municipality_group order by retrieved_at desc) = 1
)

select municipality_group, title, members
from latest
where not is_deleted
