"""Ranks: how sure a place is, given the noise in the values and those that are missing."""
