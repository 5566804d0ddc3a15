"""A place and its interval as a small drawing in the text: no script, and nothing without words."""

from markupsafe import Markup

from pipelines.site.facts import Area, Facts

WIDTH, HEIGHT = 200, 14


def place_bar(facts: Facts, area: Area, municipality: str) -> Markup | None:
    """Draw the municipality's interval on the line of all places; None where it has none.

    It is hidden from screen readers, for the words beside it say the same.
    """
    row = facts.row("efficiency", area, municipality)
    span = facts.row("rank_interval", area, municipality)
    if row is None or row["efficiency_rank"] is None or span is None or span["rank_low"] is None:
        return None
    n = max(2, row["n_ranked"])

    def at(rank: int) -> float:
        return round((rank - 1) / (n - 1) * (WIDTH - 8) + 4, 1)

    low, high, rank = at(span["rank_low"]), at(span["rank_high"]), at(row["efficiency_rank"])
    return Markup(
        '<svg class="place" viewBox="0 0 {w} {h}" width="{w}" height="{h}" aria-hidden="true" '
        'focusable="false"><line class="all" x1="4" x2="{end}" y1="7" y2="7"/>'
        '<line class="span" x1="{low}" x2="{high}" y1="7" y2="7"/>'
        '<path class="rank" d="M{rank} 1l5 6-5 6-5-6z"/></svg>'
    ).format(w=WIDTH, h=HEIGHT, end=WIDTH - 4, low=low, high=max(high, low + 1), rank=rank)
