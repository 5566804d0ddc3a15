"""Committees: who answers for which service area, and when."""
