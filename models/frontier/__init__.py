"""Frontiers: what the best DMUs show to be possible, and how far each one is from it."""
