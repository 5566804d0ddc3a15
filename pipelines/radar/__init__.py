"""The revision radar: what Kolada has changed between two moments, and what that moves."""
