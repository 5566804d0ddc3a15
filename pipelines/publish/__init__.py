"""What leaves the system: the release, its tables, charts and pages. No Dagster here."""
