-- staging.municipality: the municipalities as they were known at staging.as_of; no regions.
-- Grain: one row per municipality.

select municipality, title
from as_of.municipality((select as_of from staging.as_of))
where type = 'K'
