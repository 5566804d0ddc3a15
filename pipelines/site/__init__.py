"""The site of a release: pages without a server, made of the published tables and nothing else."""
