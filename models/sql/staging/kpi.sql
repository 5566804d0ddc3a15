-- staging.kpi: Kolada's KPIs as they were known at staging.as_of.
-- Grain: one row per kpi.
-- Unit: publication dates are days; is_simulated marks data from the simulated Sweden.

with latest as (
    select
        kpi, title, description, is_divided_by_gender, municipality_type, auspice, operating_area,
        perspective, prel_publication_date, publication_date, publ_period, has_ou_data, is_deleted,
        retrieved_at
    from raw.kpi
    where retrieved_at <= (select as_of from staging.as_of)
    qualify row_number() over (partition by kpi order by retrieved_at desc) = 1
)

select
    kpi, title, description, is_divided_by_gender, municipality_type, auspice, operating_area,
    perspective, prel_publication_date, publication_date, try_cast(publ_period as integer) as publ_period,
    has_ou_data, contains(description, 'SIMULERADE DATA') as is_simulated, retrieved_at
from latest
where not is_deleted
