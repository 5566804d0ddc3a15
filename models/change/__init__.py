"""Change: what happened between two years, and whether it is a gain or a possible cut."""
