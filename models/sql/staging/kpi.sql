-- staging.kpi: Kolada's KPIs as they were known at staging.as_of.
-- Grain: one row per kpi.
-- Unit: publication dates are days; is_simulated marks data from the simulated Sweden.

select
    kpi, title, description, is_divided_by_gender, municipality_type, auspice, operating_area,
    perspective, prel_publication_date, publication_date, try_cast(publ_period as integer) as publ_period,
    has_ou_data, contains(description, 'SIMULERADE DATA') as is_simulated, retrieved_at
from as_of.kpi((select as_of from staging.as_of))
