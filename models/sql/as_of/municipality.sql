-- as_of.municipality(moment): municipalities (type K) and regions (type L) as they were known then.
-- Grain: one row per municipality or region.

with latest as (
    select municipality, title, type, is_deleted, retrieved_at
    from raw.municipality
    where retrieved_at <= moment
    qualify row_number() over (partition by municipality order by retrieved_at desc) = 1
)

select municipality, title, type, retrieved_at
from latest
where not is_deleted
