"""Goals: what the whole municipality is judged by, and how it fares."""
