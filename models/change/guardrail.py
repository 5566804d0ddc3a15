"""Whether a lower cost is efficiency or a cut: cost, quality and guardrails, changed together.

A score that adds cost and quality up rises when both fall, if the cost falls more. So a fall in
cost is called efficiency only where neither the quality nor any guardrail (staff per pupil, sick
leave, waiting) got worse beyond noise; else it is a possible cut. What is within noise is called
no change at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, stats

from models.change.gender_gap import normal_equivalent
from models.panel import FloatArray
from models.score.index import LOWER_PERCENTILE, UPPER_PERCENTILE

Label = Literal[
    "efficiency_gain", "possible_cut", "dearer_and_better", "dearer_and_worse", "dearer", "worse",
    "mixed", "no_clear_change", "no_data",
]  # fmt: skip
LABELS: tuple[Label, ...] = get_args(Label)


@dataclass(frozen=True, slots=True)
class SideChange:
    """How one side of an area has changed between two periods; NaN where it is not known."""

    change: FloatArray  # (n,), in points of the base year's scale of 100, above 0 is better
    z: FloatArray  # (n,), the same in standard deviations of such a change, as of a normal


def change_label(
    cost_z: ArrayLike, quality_z: ArrayLike, guardrail_z: ArrayLike, *, threshold: float
) -> NDArray[np.str_]:
    """Name what has happened to cost, quality and guardrails together.

    Parameters
    ----------
    cost_z : array, shape (...)
        How much dearer, in standard deviations of a change; below 0 is cheaper.
    quality_z : array, shape (...)
        How much better; below 0 is worse.
    guardrail_z : array, shape (..., n_guardrail)
        How much better each; NaN where it is not known, which is not taken to be worse.
    threshold : float
        What is within it is not told from noise.

    Returns
    -------
    array of str, shape (...)
        "possible_cut": cheaper, and quality or a guardrail worse. "efficiency_gain": cheaper or
        better and nothing worse or dearer. "dearer_and_better": whatever the guardrails.
        "dearer_and_worse": quality, or else a guardrail. "dearer" and "worse": that alone.
        "mixed": better at the same cost, with a guardrail worse. "no_clear_change". "no_data":
        cost or quality is not known.

    Raises
    ------
    ValueError
        If the threshold is not positive and finite, or the shapes do not fit.
    """
    cost_z, quality_z, guardrail_z = (
        np.asarray(each, dtype=np.float64) for each in (cost_z, quality_z, guardrail_z)
    )
    check_threshold(threshold)
    if not cost_z.shape == quality_z.shape == guardrail_z.shape[:-1]:
        raise ValueError(
            f"Cost, quality and guardrails have the shapes {cost_z.shape}, {quality_z.shape} and "
            f"{guardrail_z.shape}. Give the same municipalities, guardrails last."
        )
    cheaper, dearer = cost_z < -threshold, cost_z > threshold
    worse, better = quality_z < -threshold, quality_z > threshold
    guard = np.any(guardrail_z < -threshold, axis=-1)
    return np.select(
        [
            np.isnan(cost_z) | np.isnan(quality_z),
            cheaper & (worse | guard),
            dearer & better,
            dearer & (worse | guard),
            dearer,
            better & guard,
            worse | guard,
            cheaper | better,
        ],
        [
            "no_data", "possible_cut", "dearer_and_better", "dearer_and_worse", "dearer",
            "mixed", "worse", "efficiency_gain",
        ],
        default="no_clear_change",
    )  # fmt: skip


def guarded_change(score_change: ArrayLike, label: ArrayLike) -> FloatArray:
    """Return changes of a score, of which a possible cut is never a rise.

    Parameters
    ----------
    score_change : array
        Above 0 is a rise.
    label : array of str, the same shape
        From `change_label`.

    Returns
    -------
    array
        The change, and at most 0 where the label is "possible_cut".
    """
    score_change = np.asarray(score_change, dtype=np.float64)
    is_cut = np.asarray(label) == "possible_cut"
    return np.where(is_cut, np.minimum(score_change, 0.0), score_change)


def change_threshold(false_share: float, *, n_guardrail: int) -> float:
    """Return the threshold at which so few of those who have not changed are told they have.

    Cost and quality are judged in both directions and every guardrail in one. All are taken to be
    independent and normal; where they go together, fewer are told.

    Parameters
    ----------
    false_share : float
        Of those without any change, above 0 and below 1.
    n_guardrail : int
        As many as the area with the most has.

    Returns
    -------
    float
        In standard deviations of a change.

    Raises
    ------
    ValueError
        If the share or the number is out of range.
    """
    if not 0 < false_share < 1 or n_guardrail < 0:
        raise ValueError(
            f"A share of {false_share} and {n_guardrail} guardrails were asked for. Use a share "
            "between 0 and 1 and a number from 0."
        )

    def missed(threshold: float) -> float:
        tail = stats.norm.sf(threshold)
        return float((1 - 2 * tail) ** 2 * (1 - tail) ** n_guardrail - (1 - false_share))

    return float(optimize.brentq(missed, 0.0, 10.0))


def side_change(
    before: FloatArray,
    after: FloatArray,
    *,
    base: FloatArray,
    directions: Sequence[str],
    weights: Sequence[float],
    variance: FloatArray,
    degrees: FloatArray,
    correlation: FloatArray,
) -> SideChange:
    """Measure a side's change on the scale of a base year, and how far it is beyond noise.

    The scale is the official one, 0-100 between percentiles 2.5 and 97.5 of the base year, but it
    goes on beyond them: whoever is past an end and gets worse has got worse.

    Parameters
    ----------
    before, after : array, shape (n, k)
        The side's indicators in both periods; NaN is missing.
    base : array, shape (n_base, k)
        Values of the base year.
    directions : sequence of {"higher", "lower"}
        Which is better, one per indicator.
    weights : sequence of float
        Of the indicators in the side.
    variance : array, shape (n, k)
        Of the noise of a change of each indicator, in its unit squared.
    degrees : array, shape (n, k)
        Of freedom behind the variances.
    correlation : array, shape (k, k)
        Of the noises.

    Returns
    -------
    SideChange
        For complete rows; missing for all if an indicator has no width in the base year.

    References
    ----------
    Satterthwaite (1946), Biometrics Bull. 2(6), 110-114, degrees of freedom of a sum.
    """
    n = len(before)
    known = ~np.isnan(base).all(axis=0)
    if not directions or not known.all():
        return SideChange(np.full(n, np.nan), np.full(n, np.nan))
    low, high = np.nanpercentile(base, [LOWER_PERCENTILE, UPPER_PERCENTILE], axis=0)
    width = np.where(high > low, high - low, np.nan)
    sign = np.where(np.array(directions) == "higher", 1.0, -1.0)
    share = np.array(weights) / np.sum(weights)
    points = 100 * share * sign / width  # per unit of each indicator
    change = np.einsum("nk,k->n", after - before, points)
    sd = np.sqrt(variance) * points
    total = np.einsum("ni,nj,ij->n", sd, sd, correlation)
    own = sd**2
    with np.errstate(divide="ignore", invalid="ignore"):
        joint = np.sum(own, axis=1) ** 2 / np.sum(own**2 / degrees, axis=1)
    z = normal_equivalent(change, np.sqrt(np.maximum(total, 0.0)), joint)
    return SideChange(change, z)


def check_threshold(threshold: float) -> None:
    """Refuse a threshold that separates nothing.

    Parameters
    ----------
    threshold : float
        In standard deviations of a change.

    Raises
    ------
    ValueError
        If it is not positive and finite.
    """
    if not 0 < threshold < np.inf:
        raise ValueError(
            f"The threshold is {threshold}. Give a positive number of standard deviations."
        )
