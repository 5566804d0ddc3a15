"""How far women and men are apart, how the worse-off group fares, and whether the gap widens.

A mean may rise because one group gained and the other lost. So the gap has a flag of its own,
which nothing else can outweigh.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from models.areas.roles import Direction
from models.areas.service_area import ServiceArea
from models.panel import FloatArray
from models.rank.yearly_noise import FEWEST_PAIRS, yearly_noise

WOMEN, MEN = "K", "M"  # Kolada's, of kvinnor and män
FARTHEST_Z = 30.0  # as far as a probability can be told from 0
GAP_LABELS = ("widened", "narrowed", "no_clear_change", "no_data")
GAP_CHANGE_SCHEMA = {
    "service_area": pl.String,
    "period_before": pl.Int32,
    "period": pl.Int32,
    "municipality": pl.String,
    "indicator": pl.String,
    "gap_before": pl.Float64,
    "gap": pl.Float64,
    "z": pl.Float64,
    "label": pl.String,
}


@dataclass(frozen=True, slots=True)
class GenderGap:
    """Two sides of equality; NaN where either group has no value."""

    gap: FloatArray  # of the shape given, in the unit of the KPI; 0: alike
    lowest: FloatArray  # the level of the group that is worse off


def gender_gap(women: ArrayLike, men: ArrayLike, *, direction: Direction) -> GenderGap:
    """Measure the distance between women and men, and the level of the worse off.

    Parameters
    ----------
    women, men : array of the same shape
        Levels in one unit; NaN is missing, as where a group is too small to be published.
    direction : {"higher", "lower"}
        Which is better, and so which group is worse off.

    Returns
    -------
    GenderGap
        Who misses one of the two has no gap: the other group's value says nothing of it.

    Raises
    ------
    ValueError
        If the shapes differ, a value is infinite or the direction unknown.
    """
    women, men = (np.asarray(each, dtype=np.float64) for each in (women, men))
    if women.shape != men.shape:
        raise ValueError(
            f"Women have the shape {women.shape}, men {men.shape}. Give the same municipalities."
        )
    if np.isinf(women).any() or np.isinf(men).any():
        raise ValueError("A value of women or men is infinite. Set it aside before scoring.")
    if direction not in ("higher", "lower"):
        raise ValueError(f"Unknown direction {direction!r}. Use 'higher' or 'lower'.")
    worse = np.minimum if direction == "higher" else np.maximum
    return GenderGap(gap=np.abs(women - men), lowest=worse(women, men))


def normal_equivalent(change: ArrayLike, sd: ArrayLike, degrees: ArrayLike) -> FloatArray:
    """Return how far a change is from none, in standard deviations of a normal.

    A standard deviation that is estimated by few degrees of freedom is now and then too small:
    the change by it is Student's t, whose probability is looked up and taken over.

    Parameters
    ----------
    change, sd, degrees : arrays that can be broadcast
        A change, the standard deviation of such changes and its degrees of freedom, infinite
        where it is known. NaN gives NaN, and so does a standard deviation of 0.

    Returns
    -------
    array
        With the sign of the change, at most 30 in size.
    """
    change, sd = np.asarray(change, dtype=np.float64), np.asarray(sd, dtype=np.float64)
    t = np.divide(change, sd, out=np.full(np.broadcast(change, sd).shape, np.nan), where=sd > 0)
    beyond = stats.t.sf(np.abs(t), np.asarray(degrees, dtype=np.float64))
    size = np.minimum(stats.norm.isf(beyond), FARTHEST_Z)
    return np.asarray(np.sign(t) * size, dtype=np.float64)


def gap_change(
    women: FloatArray,
    men: FloatArray,
    *,
    periods: Sequence[int],
    breaks: Sequence[int],
    before: int,
    after: int,
) -> FloatArray:
    """Say how much a gap has widened between two periods, in standard deviations of a change.

    Parameters
    ----------
    women, men : array, shape (n_period, n_municipality)
        Levels; NaN is missing.
    periods, breaks : sequence of int
        As for `yearly_noise`, by which the noise of the difference is estimated.
    before, after : int
        Positions of the two periods.

    Returns
    -------
    array, shape (n_municipality,)
        Above 0 where it widened, as of a normal; NaN where a value or the noise is not known.
    """
    difference = (women - men)[:, :, np.newaxis]
    nothing = np.zeros(difference.shape, dtype=np.bool_)  # is carried
    noise = yearly_noise(difference, nothing, periods=periods, breaks=breaks, judged=after)
    if noise.n_pairs[0] < FEWEST_PAIRS:
        return np.full(women.shape[1], np.nan)
    gap = np.abs(difference[..., 0])
    sd = np.sqrt(2 * noise.variance[:, 0])
    return normal_equivalent(gap[after] - gap[before], sd, noise.degrees[:, 0])


def gap_label(z: ArrayLike, *, threshold: float) -> NDArray[np.str_]:
    """Name the change of a gap.

    Parameters
    ----------
    z : array
        From `gap_change`.
    threshold : float
        In standard deviations of a change; what is within it is not told from noise.

    Returns
    -------
    array of str
        One of `GAP_LABELS`.
    """
    z = np.asarray(z, dtype=np.float64)
    return np.select(
        [np.isnan(z), z > threshold, z < -threshold],
        ["no_data", "widened", "narrowed"],
        default="no_clear_change",
    )


def gap_changes(
    observation: pl.DataFrame,
    areas: Iterable[ServiceArea],
    municipalities: Sequence[str],
    *,
    threshold: float,
    span: int = 1,
) -> pl.DataFrame:
    """Say of every quality indicator where the gap between women and men has changed.

    Parameters
    ----------
    observation : frame
        `staging.observation`: kpi, municipality, period, gender, value; no key twice.
    areas : iterable of ServiceArea
        Whose quality indicators are looked at, those that have values of women and men.
    municipalities : sequence of str
        Whom to look at.
    threshold : float
        In standard deviations of a change.
    span : int
        Years between the two periods of a pair.

    Returns
    -------
    frame
        `mart.gender_gap_change`, one row per area, pair of periods, municipality and indicator,
        sorted by key. No pair goes across a break of the area.
    """
    frames = [pl.DataFrame(schema=GAP_CHANGE_SCHEMA)]
    rows = observation.filter(pl.col("municipality").is_in(list(municipalities)))
    names = sorted(set(municipalities))
    for area in areas:
        breaks = [each.period for each in area.breaks]
        for indicator in area.with_role("quality"):
            mine = rows.filter(
                pl.col("kpi") == indicator.kpi, pl.col("period") >= indicator.first_period
            )
            years = mine.filter(pl.col("gender").is_in([WOMEN, MEN]))["period"].unique().sort()
            periods = years.to_list()
            women, men = (_levels(mine, gender, periods, names) for gender in (WOMEN, MEN))
            for after, period in enumerate(periods):
                if period - span not in periods or any(
                    period - span < each <= period for each in breaks
                ):
                    continue
                before = periods.index(period - span)
                z = gap_change(
                    women,
                    men,
                    periods=periods,
                    breaks=breaks,
                    before=before,
                    after=after,
                )
                columns = {
                    "service_area": area.name,
                    "period_before": period - span,
                    "period": period,
                    "municipality": names,
                    "indicator": indicator.name,
                    "gap_before": np.abs(women - men)[before],
                    "gap": np.abs(women - men)[after],
                    "z": z,
                    "label": gap_label(z, threshold=threshold).tolist(),
                }
                frames.append(pl.DataFrame(columns, schema=GAP_CHANGE_SCHEMA).fill_nan(None))
    key = ["service_area", "period_before", "period", "municipality", "indicator"]
    return pl.concat(frames).sort(key)


def _levels(
    rows: pl.DataFrame, gender: str, periods: Sequence[int], names: Sequence[str]
) -> FloatArray:
    level = np.full((len(periods), len(names)), np.nan)
    place = {period: position for position, period in enumerate(periods)}
    column = {name: position for position, name in enumerate(names)}
    chosen = rows.filter(pl.col("gender") == gender)
    for municipality, period, value in chosen.select("municipality", "period", "value").iter_rows():
        if period in place and value is not None:
            level[place[period], column[municipality]] = value
    return level
