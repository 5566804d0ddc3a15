"""The contracts: the schema of the definitions, of the panel and of every result table."""
