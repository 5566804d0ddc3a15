-- staging.municipality_group: Kolada's groups as they were known at staging.as_of.
-- Grain: one row per municipality_group; members are municipality ids.

select municipality_group, title, members
from as_of.municipality_group((select as_of from staging.as_of))
