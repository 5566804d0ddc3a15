"""Service areas: their definitions, the rules these keep, and what Kolada says of their KPIs."""
