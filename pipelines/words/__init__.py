"""Words: Swedish sentences made of templates and of cells of the tables, and nothing else."""
