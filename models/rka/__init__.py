"""RKA's indices: their recipes, computed again and held against what RKA has published."""
