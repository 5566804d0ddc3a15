"""Scores: how values become one number per municipality, officially and by other recipes."""
