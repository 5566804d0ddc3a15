"""The wiring: settings, warehouse, Dagster assets, charts, publishing and the command line."""
