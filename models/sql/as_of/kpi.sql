-- as_of.kpi(moment): Kolada's KPIs as they were known then.
-- Grain: one row per kpi.
-- Unit: publication dates are days; publ_period is as Kolada sends it.

with latest as (
    select
        kpi, title, description, is_divided_by_gender, municipality_type, auspice, operating_area,
        perspective, prel_publication_date, publication_date, publ_period, has_ou_data, is_deleted,
        retrieved_at
    from raw.kpi
    where retrieved_at <= moment
    qualify row_number() over (partition by kpi order by retrieved_at desc) = 1
)

select
    kpi, title, description, is_divided_by_gender, municipality_type, auspice, operating_area,
    perspective, prel_publication_date, publication_date, publ_period, has_ou_data, retrieved_at
from latest
where not is_deleted
