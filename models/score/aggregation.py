"""How scores become one: how far may a good score make up for a bad one?

In full under the arithmetic mean (`index.weighted_mean`); the less, the lower the power of a
generalised mean, and under the minimum not at all. A floor and Mazziotta and Pareto's penalty are
between. Copeland's method asks something else: against how many others would a municipality win,
if each indicator had as many votes as it has weight? By how much it is better never counts there.

Scores are better the higher. Only complete rows have a result; the others are missing.
"""

import numpy as np
from numpy.typing import ArrayLike

from models.panel import BoolArray, FloatArray
from models.score.index import MIDDLE, weighted_mean
from models.score.normalisation import Names, refuse

EVEN = 1e-9  # of all weights; a majority this narrow is made by rounding


def generalised_mean(
    scores: ArrayLike, weights: ArrayLike, *, power: float, names: Names | None = None
) -> FloatArray:
    """Take the weighted mean of a power of the scores, and the root of it.

    Power 1 is the arithmetic mean, 0 the geometric, -1 the harmonic, minus infinity the least
    score. The lower the power, the less a good score makes up for a bad one, and the lower the
    mean.

    Parameters
    ----------
    scores : array, shape (..., n, k)
        Better the higher, on scales of one kind; NaN is missing.
    weights : array, shape (k,)
        Positive; only their ratios matter, and with an infinite power not even they.
    power : float
        May be infinite, of either sign.
    names : Names, optional
        Of rows and columns, for messages.

    Returns
    -------
    array, shape (..., n)
        NaN for incomplete rows, and for all rows if there is no indicator.

    Raises
    ------
    ValueError
        If a score is infinite, or not positive with a finite power of 0 or less, or negative
        with one above 0 other than 1, with the row and the column; if there is not one positive,
        finite weight per indicator, or the power is NaN.

    References
    ----------
    OECD/JRC (2008), Handbook on Constructing Composite Indicators, step 6, on the geometric mean.
    Hardy, Littlewood and Polya (1934), Inequalities, chapter 2.
    """
    scores = _checked(scores, names)
    if np.isnan(power):
        raise ValueError("The power is NaN. Give 1 for the arithmetic mean, 0 for the geometric.")
    arithmetic = weighted_mean(scores, weights)
    if power == 1 or scores.shape[-1] == 0:
        return arithmetic
    if np.isinf(power):
        extreme: FloatArray = (np.min if power < 0 else np.max)(scores, axis=-1)
        return extreme
    if power > 0:
        refuse(
            scores < 0,
            scores,
            names=names,
            remedy="This mean needs scores of at least 0: normalise by min-max or ranks.",
        )
        # The largest score is taken out, lest a high power be infinite.
        largest = np.max(scores, axis=-1, keepdims=True)
        unit = np.where(largest == 0, 1.0, largest)
    else:
        refuse(
            scores <= 0,
            scores,
            names=names,
            remedy="This mean needs positive scores: normalise by min-max to 1-100 or by ranks.",
        )
        unit = np.min(scores, axis=-1, keepdims=True)
    with np.errstate(divide="ignore"):  # the logarithm of a score of 0 is what it should be
        log_share = np.log(scores / unit)
        if power == 0:
            log_mean = weighted_mean(log_share, weights)
        else:
            # Less 1 before the mean and more after: exact for powers near 0 too.
            log_mean = np.log1p(weighted_mean(np.expm1(power * log_share), weights)) / power
    mean: FloatArray = np.exp(log_mean) * unit[..., 0]
    return mean


def floored_mean(scores: ArrayLike, weights: ArrayLike, *, floor: float) -> FloatArray:
    """Take the weighted mean, which makes up for nothing below a floor.

    Where all scores reach the floor it is the mean. Where one does not, the result is at most the
    least score: what is not good enough cannot be bought by something else.

    Parameters
    ----------
    scores : array, shape (..., n, k)
        Better the higher, on one scale; NaN is missing.
    weights : array, shape (k,)
        Positive; only their ratios matter.
    floor : float
        The least that is good enough, on the scale of the scores.

    Returns
    -------
    array, shape (..., n)
        NaN for incomplete rows, and for all rows if there is no indicator.

    Raises
    ------
    ValueError
        If a score is infinite, with the row and the column; if there is not one positive, finite
        weight per indicator, or the floor is NaN.

    References
    ----------
    Hwang and Yoon (1981), Multiple Attribute Decision Making, on conjunctive rules; here who
    fails the rule is not left out but gets the least score.
    """
    scores = _checked(scores, None)
    if np.isnan(floor):
        raise ValueError("The floor is NaN. Give a number on the scale of the scores.")
    mean = weighted_mean(scores, weights)
    least = np.min(scores, axis=-1, initial=np.inf)
    return np.where(least < floor, least, mean)


def mazziotta_pareto(
    scores: ArrayLike, weights: ArrayLike, *, names: Names | None = None
) -> FloatArray:
    """Take the weighted mean less a penalty for being uneven: the variance by the mean.

    The penalty is the mean times the square of the row's coefficient of variation. An indicator
    far above the others (about one and a half times the mean) costs more in evenness than it
    gives, so that raising it lowers the result; z-scores of mean 100 and standard deviation 10,
    for which the index is made, hardly reach that, scores on 0-100 do so often.

    Parameters
    ----------
    scores : array, shape (..., n, k)
        Better the higher, as of `z_score` with mean 100, sd 10 and ddof 0; NaN is missing.
    weights : array, shape (k,)
        Positive; only their ratios matter. The index as published has equal ones.
    names : Names, optional
        Of rows and columns, for messages.

    Returns
    -------
    array, shape (..., n)
        NaN for incomplete rows, and for all rows if there is no indicator.

    Raises
    ------
    ValueError
        If a score is not positive and finite, with the row and the column; if there is not one
        positive, finite weight per indicator.

    References
    ----------
    De Muro, Mazziotta and Pareto (2011), Soc. Indic. Res. 104(1), 1-18.
    """
    scores = _checked(scores, names)
    refuse(
        scores <= 0,
        scores,
        names=names,
        remedy="The penalty needs positive scores: use z-scores of mean 100 and sd 10.",
    )
    mean = weighted_mean(scores, weights)
    variance = weighted_mean((scores - mean[..., np.newaxis]) ** 2, weights)
    return mean - variance / mean


def copeland(scores: ArrayLike, weights: ArrayLike) -> FloatArray:
    """Score a municipality by the share of the others it wins against, half of the draws counted.

    One wins against another if the indicators in which it is better have more weight than those
    in which it is worse. So only the order within each indicator matters, and a weight is how
    much an indicator has to say, never a rate of exchange.

    The ranking that agrees best with all these duels (Condorcet, Kemeny and Young; Munda and
    Nardo) cannot be found for 290 municipalities with certainty, and need not be the only one.
    Copeland's is exact, comes out the same every time and shows ties as ties. Where the duels
    contain no circle both are the same ranking, and who wins against all is always first.

    Parameters
    ----------
    scores : array, shape (..., n, k)
        Better the higher, in any unit; NaN is missing. Equal means equal to the last digit.
    weights : array, shape (k,)
        Positive; only their ratios matter.

    Returns
    -------
    array, shape (..., n)
        From 0, lost to all, to 100, won against all; 50 for who has no others. NaN for incomplete
        rows, against whom nobody wins, and for all rows if there is no indicator.

    Raises
    ------
    ValueError
        If a score is infinite, with the row and the column; if there is not one positive, finite
        weight per indicator.

    References
    ----------
    Copeland (1951), A "reasonable" social welfare function, University of Michigan.
    Munda and Nardo (2009), Appl. Econ. 41(12), 1513-1523, on composites that do not compensate.
    OECD/JRC (2008), Handbook on Constructing Composite Indicators, step 6.
    """
    scores = _checked(scores, None)
    result = weighted_mean(scores, weights)  # as a check, and to see which rows are complete
    is_complete: BoolArray = np.asarray(~np.isnan(result))
    weights = np.asarray(weights, dtype=np.float64)
    for world in np.ndindex(scores.shape[:-2]):
        rows = scores[world][is_complete[world]]
        majority = np.zeros((len(rows), len(rows)))
        for column in range(weights.size):
            value = rows[:, column]
            better = np.sign(value[:, np.newaxis] - value)
            majority += weights[column] * better
        even = np.abs(majority) <= EVEN * weights.sum()
        won_less_lost = np.where(even, 0.0, np.sign(majority)).sum(axis=1)
        result[world][is_complete[world]] = MIDDLE * (1 + won_less_lost / max(len(rows) - 1, 1))
    return result


def _checked(scores: ArrayLike, names: Names | None) -> FloatArray:
    scores = np.asarray(scores, dtype=np.float64)
    if scores.ndim < 2:
        raise ValueError(
            f"The scores have the shape {scores.shape}. Give one row per municipality and one "
            "column per indicator."
        )
    refuse(np.isinf(scores), scores, names=names, remedy="Set it aside before scoring.")
    return scores
