-- as_of.ou(moment): units (schools, homes …) as they were known then.
-- Grain: one row per ou; municipality is where it is.

with latest as (
    select ou, title, municipality, is_deleted, retrieved_at
    from raw.ou
    where retrieved_at <= moment
    qualify row_number() over (partition by ou order by retrieved_at desc) = 1
)

select ou, title, municipality, retrieved_at
from latest
where not is_deleted
