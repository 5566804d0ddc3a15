"""Peers: whom a municipality is compared with, and whether its place hangs on that."""
