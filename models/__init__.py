"""The methods: frames and arrays in, results out; no Dagster, no DuckDB, no HTTP, no plots."""
