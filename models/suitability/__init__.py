"""Suitability: whether an area's numbers can carry what would be said of them."""
