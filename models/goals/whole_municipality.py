"""How the whole municipality fares: one score of the scores of its parts.

The parts weigh what a goal says they weigh, such as their share of the cost. A score stands only
where enough of the weight is there, and never without how uneven the parts are: a good mean may
hide a bad part. The last axis is always the parts, the last but one the municipalities.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.goals.file import CostShareOf
from models.panel import BoolArray, FloatArray
from models.score.index import competition_rank

HIGHEST = 100.0  # of a part's score; the lowest is 0
STATUS = ("ranked", "no_component", "missing_weights", "too_few_components", "weight_below_minimum")


@dataclass(frozen=True, slots=True)
class WholeResult:
    """Scores on 0-100, 100 best, in the order the municipalities were given; NaN: no score."""

    score: FloatArray  # (n,)
    weight_share: FloatArray  # (n,), of the weight that is there, 0-1
    weight: FloatArray  # (n, k), of the parts that are there; a scored row adds up to 1
    contribution: FloatArray  # (n, k), weight times score; a scored row adds up to the score
    n_present: NDArray[np.int64]  # (n,), parts that are there
    spread: FloatArray  # (n,), weighted standard deviation of the parts around the score
    lowest: NDArray[np.int64]  # (n,), the column of the lowest part; -1 where there is no score
    highest: NDArray[np.int64]  # (n,)
    possible_low: FloatArray  # (n,), the score if every part that is missing were 0
    possible_high: FloatArray  # (n,), if every one were 100
    rank: FloatArray  # (n,), 1 is best
    status: NDArray[np.str_]  # (n,), one of STATUS


def cost_share(cost: ArrayLike, *, of: CostShareOf, names: Sequence[str] = ()) -> FloatArray:
    """Return the share of each part in the cost of all, which is what the part weighs.

    Shares of the country are those of the mean municipality, so that who spends more on a part
    does not make that part count for more, but for its own nth in the mean of n. Shares of the
    municipality itself say what its own money buys, and let it.

    Parameters
    ----------
    cost : array, shape (n, k)
        Net cost per inhabitant, all parts in one unit; NaN is missing.
    of : {"country", "municipality"}
        Whose costs.
    names : sequence of str
        What the parts are called in messages.

    Returns
    -------
    array, shape (n, k)
        Rows add up to 1. NaN for all if a part has no cost anywhere and the country is asked for;
        for a municipality without one of its costs, or with one that is not positive, if its own
        are.

    Raises
    ------
    ValueError
        If a cost is infinite, the choice unknown or a part's mean cost not positive.

    References
    ----------
    Sum of sectors weighted by cost, as in SØF's yearly reports on Norwegian municipalities'
    efficiency (2011-2019).
    """
    cost = np.asarray(cost, dtype=np.float64)
    if np.isinf(cost).any():
        raise ValueError("A cost is infinite. Set it aside before weights are made of it.")
    if of == "municipality":
        known = np.all(cost > 0, axis=1, keepdims=True)  # NaN is not above 0
        total = np.sum(np.where(known, cost, np.nan), axis=1, keepdims=True)
        return np.asarray(cost / total, dtype=np.float64)
    if of != "country":
        raise ValueError(f"Unknown choice {of!r}. Use one of {', '.join(get_args(CostShareOf))}.")
    n_known = np.sum(~np.isnan(cost), axis=0)
    if not n_known.all():
        return np.full(cost.shape, np.nan)
    mean = np.nansum(cost, axis=0) / n_known
    if not np.all(mean > 0):
        worst = int(np.argmin(mean))
        called = names[worst] if worst < len(names) else f"number {worst}"
        raise ValueError(
            f"The mean cost of {called} is {mean[worst]:.6g}, and a weight must be above 0. Look "
            "for a wrong KPI or sign."
        )
    return np.broadcast_to(mean / mean.sum(), cost.shape)


def whole_score(
    score: ArrayLike,
    weight: ArrayLike,
    *,
    minimum_share: float,
    minimum_components: int = 1,
) -> WholeResult:
    """Put the scores of the parts together, where enough of them are there.

    The score is the weighted mean of the parts that are there. That is as if the others were as
    good as these on average, which nobody knows: the two bounds say what they could make of it.

    Parameters
    ----------
    score : array, shape (n, k)
        The parts' scores, 0-100, 100 best; NaN is missing.
    weight : array, shape (k,) or (n, k)
        Positive, finite; only ratios within a row matter. A row with NaN has no weights.
    minimum_share : float
        Of the weight that must be there, above 0 and at most 1.
    minimum_components : int
        Parts that must be there.

    Returns
    -------
    WholeResult
        Only who meets both rules has a score and a rank; the others say why not.

    Raises
    ------
    ValueError
        If a score is outside 0-100, a weight not positive, or the shapes or rules do not fit.

    References
    ----------
    OECD/JRC (2008), Handbook on Constructing Composite Indicators, on missing data and weights.
    """
    score = np.asarray(score, dtype=np.float64)
    weight = _checked_weight(score, weight)
    if not 0 < minimum_share <= 1:
        raise ValueError(
            f"The minimum share is {minimum_share}. Use a share above 0 and at most 1."
        )
    if np.any((score < 0) | (score > HIGHEST)):
        raise ValueError(
            "A part's score is outside 0-100. Scale it first (models.score.index.scale)."
        )

    is_there = ~np.isnan(score)
    has_weight: BoolArray = np.all(~np.isnan(weight), axis=1)
    there = np.where(is_there & has_weight[:, np.newaxis], weight, 0.0)
    present, total = there.sum(axis=1), np.nansum(weight, axis=1)
    weight_share = np.divide(present, total, out=np.zeros(len(score)), where=has_weight)
    n_present = is_there.sum(axis=1)
    # Nine decimals, lest rounding in a sum decides who has enough.
    is_enough = np.round(weight_share, 9) >= minimum_share
    status = np.select(
        [n_present == 0, ~has_weight, n_present < minimum_components, ~is_enough],
        ["no_component", "missing_weights", "too_few_components", "weight_below_minimum"],
        default="ranked",
    )
    is_scored: BoolArray = np.asarray(status == "ranked")

    rows = is_scored[:, np.newaxis]
    inner = np.divide(there, present[:, np.newaxis], out=np.zeros(score.shape), where=rows)
    contribution = inner * np.nan_to_num(score)
    whole = np.where(is_scored, contribution.sum(axis=1), np.nan)
    square = np.sum(inner * (np.nan_to_num(score) - whole[:, np.newaxis]) ** 2, axis=1)
    low = whole * weight_share
    shown = rows & is_there
    return WholeResult(
        score=whole,
        weight_share=weight_share,
        weight=np.where(shown, inner, np.nan),
        contribution=np.where(shown, contribution, np.nan),
        n_present=n_present,
        spread=np.sqrt(square),
        lowest=np.where(is_scored, np.argmin(np.where(is_there, score, np.inf), axis=1), -1),
        highest=np.where(is_scored, np.argmax(np.where(is_there, score, -np.inf), axis=1), -1),
        possible_low=low,
        possible_high=low + HIGHEST * (1 - weight_share),
        rank=competition_rank(whole),
        status=status,
    )


def whole_ranks(
    draws: ArrayLike, score: ArrayLike, weight: ArrayLike, is_ranked: ArrayLike
) -> FloatArray | None:
    """Rank those who are ranked in every draw of the parts' true scores.

    What is drawn for one part is taken to be independent of what is drawn for another: the parts
    are measured by different people on different people.

    Parameters
    ----------
    draws : array, shape (n_draw, n, k)
        Drawn scores of the parts, each drawn apart from the others.
    score : array, shape (n, k)
        The parts' scores; a part counts in a draw where it does here.
    weight : array, shape (k,) or (n, k)
        As for `whole_score`.
    is_ranked : array of bool, shape (n,)
        Whom to rank.

    Returns
    -------
    array, shape (n_draw, n_ranked), or None
        1 is best. None where something that counts has no draw, because its noise is not known:
        an interval without it would be too narrow.

    Raises
    ------
    ValueError
        If the shapes do not fit.
    """
    draws, score = np.asarray(draws, dtype=np.float64), np.asarray(score, dtype=np.float64)
    if draws.shape[1:] != score.shape:
        raise ValueError(
            f"The draws are of {draws.shape[1:]} municipalities and parts, the scores of "
            f"{score.shape}. Give the same."
        )
    is_ranked = np.asarray(is_ranked, dtype=np.bool_)
    counts = (~np.isnan(score))[is_ranked]
    chosen = draws[:, is_ranked]
    if np.isnan(chosen[:, counts]).any():
        return None
    there = np.where(counts, _checked_weight(score, weight)[is_ranked], 0.0)
    total = np.einsum("dnk,nk->dn", np.where(counts, chosen, 0.0), there)
    return competition_rank(total / there.sum(axis=1))


def _checked_weight(score: FloatArray, weight: ArrayLike) -> FloatArray:
    weight = np.asarray(weight, dtype=np.float64)
    if score.ndim != 2 or weight.shape not in (score.shape, score.shape[1:]):
        raise ValueError(
            f"Scores have the shape {score.shape}, weights {weight.shape}. Give (n, k) scores and "
            "one weight per part, or per municipality and part."
        )
    if np.any(weight <= 0) or np.isinf(weight).any():
        raise ValueError("A weight is not positive and finite. Take the part out instead.")
    return np.broadcast_to(weight, score.shape)
