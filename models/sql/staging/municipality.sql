-- staging.municipality: the municipalities as they were known at staging.as_of; no regions.
-- Grain: one row per municipality.

with latest as (
    select municipality, title, type, is_deleted
    from raw.municipality
    where retrieved_at <= (select as_of from staging.as_of)
    qualify row_number() over (partition by municipality order by retrieved_at desc) = 1
)

select municipality, title
from latest
where not is_deleted and type = 'K'
