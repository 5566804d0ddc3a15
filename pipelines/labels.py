"""Where labels go: off each other, off the markers, inside the plot.

A figure may be shown in more than one size, so a place is judged in all of them: a point moves
with the plot, the label keeps its px from the point.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

Point = tuple[float, float]  # shares of the plot, from its upper left corner; of a size: px
Edges = tuple[float, float, float, float]  # left, top, right and bottom, in px

_REACHES = (0, 10, 22, 36, 52, 70, 90, 112)  # px a label may stand away from its marker
_FAR = 22  # px from where a line leads from the label to its marker
_SIDES = ((1, 0), (-1, 0), (0, -1), (0, 1), (1, -1), (1, 1), (-1, -1), (-1, 1))


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle whose centre is `dx`, `dy` px (rightwards, downwards) from a point."""

    point: Point
    dx: float
    dy: float
    width: float
    height: float

    def edges(self, plot: Point) -> Edges:
        """Return left, top, right and bottom in a plot of that many px."""
        x = self.point[0] * plot[0] + self.dx
        y = self.point[1] * plot[1] + self.dy
        half_width, half_height = self.width / 2, self.height / 2
        return x - half_width, y - half_height, x + half_width, y + half_height


@dataclass(frozen=True, slots=True)
class Label:
    """A name that belongs to the marker, `clear` px wide, at a point of the plot."""

    point: Point
    width: float
    height: float
    clear: float


def placed(
    labels: Sequence[Label],
    *,
    crowd: Sequence[Point],
    taken: Sequence[Box],
    plots: Sequence[Point],
) -> list[tuple[Box, bool]]:
    """Give every label a box, and say whether it stands so far off that a line must lead to it.

    The boxes stay inside the plot and, where they can, off each other, off the boxes `taken`,
    the labelled markers and the points of the `crowd`, in all the sizes the plot may have.
    """
    markers = [Box(label.point, 0, 0, label.clear, label.clear) for label in labels]
    spots = [(_candidate(label, 0, 1, 0), False) for label in labels]
    for _ in range(4):
        before = list(spots)
        for i, label in enumerate(labels):
            others = [*((box, False) for box in taken), *spots[:i], *spots[i + 1 :]]
            best = math.inf
            for reach in _REACHES:
                for right, down in _SIDES:
                    spot = (_candidate(label, reach, right, down), reach >= _FAR)
                    cost = reach + sum(_cost(spot, others, markers, crowd, p) for p in plots)
                    if cost < best:
                        best, spots[i] = cost, spot
        if spots == before:
            break
    return spots


def emptiest(
    boxes: Sequence[Box], *, crowd: Sequence[Point], taken: Sequence[Box], plots: Sequence[Point]
) -> int:
    """Return which of the boxes covers least of the crowd and of what is taken."""
    others = [(box, False) for box in taken]
    costs = [sum(_cost((box, False), others, [], crowd, p) for p in plots) for box in boxes]
    return costs.index(min(costs))


def _candidate(label: Label, reach: float, right: int, down: int) -> Box:
    away = (reach + label.clear / 2 + 3) * (0.7 if right and down else 1.0)
    dx = right * (away + label.width / 2)
    dy = down * (away + label.height / 2)
    return Box(label.point, dx, dy, label.width, label.height)


def _cost(
    spot: tuple[Box, bool],
    others: Sequence[tuple[Box, bool]],
    markers: Sequence[Box],
    crowd: Sequence[Point],
    plot: Point,
) -> float:
    """Return how badly a box stands in a plot of that size; 0 is free of everything."""
    box, has_line = spot
    edges = left, top, right, bottom = box.edges(plot)
    outside = max(0, -left) + max(0, -top) + max(0, right - plot[0]) + max(0, bottom - plot[1])
    cost = 100 * outside
    for other, other_has_line in others:
        cost += 300 * _overlap(edges, other.edges(plot))
        cost += 100 * (has_line and _crosses(box, other.edges(plot), plot))
        cost += 100 * (other_has_line and _crosses(other, edges, plot))
    for marker in markers:
        cost += 60 * _overlap(edges, marker.edges(plot))
        if has_line and marker.point != box.point:
            cost += 60 * _crosses(box, marker.edges(plot), plot)
    for x, y in crowd:
        cost += 4 * (left < x * plot[0] < right and top < y * plot[1] < bottom)
    return cost


def _overlap(one: Edges, other: Edges) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _crosses(box: Box, edges: Edges, plot: Point) -> bool:
    """Say whether the line from a box to its point runs through a rectangle."""
    left, top, right, bottom = edges
    x, y = box.point[0] * plot[0], box.point[1] * plot[1]
    steps = (i / 8 for i in range(9))
    return any(
        left < x + share * box.dx < right and top < y + share * box.dy < bottom for share in steps
    )
