"""The Dagster assets, from Kolada's answers to a published release."""
