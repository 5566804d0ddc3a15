"""Which municipalities are most like each other in structure, and what makes them so.

A municipality's neighbours are those at the least distance in conditions that it has not chosen:
how many live there, how old they are, what can be taxed. Every variable is put on one scale first,
and the squared distance is a sum with one part for each variable, so that one can always say what
brought two municipalities together and what keeps them apart.

Nothing is filled in. Who lacks a variable has no neighbours, is nobody's, and sets no scale.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.panel import BoolArray, FloatArray
from models.score.index import NO_WIDTH

Standardisation = Literal["z", "robust"]
Distance = Literal["euclidean", "mahalanobis"]
STANDARDISATIONS: tuple[Standardisation, ...] = get_args(Standardisation)
DISTANCES: tuple[Distance, ...] = get_args(Distance)

MAD_TO_SD = 1.482602218505602  # 1 / the normal distribution's 75th percentile
DISTANCE_DECIMALS = 9  # what is left beyond is rounding, and must not decide who is nearer
COLLINEAR = 1e-9  # the least eigenvalue of a correlation matrix that still tells variables apart
NAMED_AT_MOST = 5


@dataclass(frozen=True, slots=True)
class Yardstick:
    """What differences are measured with; kept, it measures others on the same scale."""

    variable: tuple[str, ...]
    is_log: BoolArray  # (p,); whether the difference is one of logarithms, that is a ratio
    spread: FloatArray  # (p,), in the variable's unit or its logarithm's
    mixing: FloatArray  # (p, p); takes correlation out of standardised differences, or leaves them


@dataclass(frozen=True, slots=True)
class Nearest:
    """The neighbours of every municipality, nearest first, in the order they were given."""

    has_peers: BoolArray  # (n,); False where a variable is missing
    peer: NDArray[np.intp]  # (n, k), positions; -1 in the rows of those who have none
    distance: FloatArray  # (n, k), in standard deviations; NaN there
    contribution: FloatArray  # (n, k, p); sums over the variables to the squared distance


def yardstick(
    values: ArrayLike,
    *,
    variable: Sequence[str],
    municipality: Sequence[str],
    is_log: Sequence[bool],
    standardisation: Standardisation,
    distance: Distance,
) -> Yardstick:
    """Make the yardstick of these municipalities: the spread of every variable over them.

    "z" measures in standard deviations (ddof 0: the municipalities are all there are), "robust" in
    median absolute deviations times 1.4826, which a few very large cities do not stretch.

    "euclidean" counts what two correlated variables share twice. "mahalanobis" counts it once:
    standardised differences are multiplied by the inverse root of the correlation matrix, the
    one that leaves each variable as much itself as can be, so that the parts still belong to the
    variables and none is negative. It uses standard deviations, and would be the same with others.

    Parameters
    ----------
    values : array, shape (n, p)
        Structural variables, each in one unit; NaN is missing. Only complete rows count.
    variable : sequence of str, length p
        What the variables are called.
    municipality : sequence of str, length n
        Ids, for messages.
    is_log : sequence of bool, length p
        Whether to take the logarithm first, as of a population: a tenth more is then as far in
        a small municipality as in a large one.
    standardisation : {"z", "robust"}
        The measure of spread.
    distance : {"euclidean", "mahalanobis"}
        Whether correlated variables count by themselves or together.

    Returns
    -------
    Yardstick
        For `nearest`.

    Raises
    ------
    ValueError
        If a value is infinite, or not positive where its logarithm is taken; if a variable has no
        spread; if variables cannot be told apart, with "mahalanobis"; if "robust" is asked for
        with it; if lengths or choices do not fit.

    References
    ----------
    Mahalanobis (1936), Proc. Nat. Inst. Sci. India 2(1), 49-55.
    Garthwaite and Koch (2016), Aust. N. Z. J. Stat. 58(1), 99-119, on the parts of the variables.
    Rousseeuw and Croux (1993), J. Am. Stat. Assoc. 88(424), 1273-1283, on the median deviation.
    """
    _check_choice("standardisation", standardisation, STANDARDISATIONS)
    _check_choice("distance", distance, DISTANCES)
    if standardisation == "robust" and distance == "mahalanobis":
        raise ValueError(
            "A Mahalanobis distance has its own scale, whatever the standardisation, so 'robust' "
            "would promise what it does not do. Use 'z' with it, or 'euclidean' with 'robust'."
        )
    if len(is_log) != len(variable):
        raise ValueError(
            f"{len(is_log)} marks of logarithms were given for {len(variable)} variables. Give "
            "one each."
        )
    taken = np.asarray(is_log, dtype=np.bool_)
    comparable = _comparable(values, tuple(variable), municipality, taken)
    complete = comparable[~np.isnan(comparable).any(axis=1)]
    if len(complete) < 2:
        missing = np.isnan(comparable).sum(axis=0)
        most = int(np.argmax(missing))
        raise ValueError(
            f"{len(complete)} of {len(comparable)} municipalities have all variables, and "
            f"{variable[most]} is missing for {missing[most]}. Two are needed for a spread: leave "
            "it out, or take a year that has it."
        )
    centre = np.median(complete, axis=0) if standardisation == "robust" else complete.mean(axis=0)
    away = complete - centre
    if standardisation == "robust":
        spread = MAD_TO_SD * np.median(np.abs(away), axis=0)
    else:
        spread = np.sqrt(np.mean(away**2, axis=0))
    flat = spread <= NO_WIDTH * np.max(np.abs(complete), axis=0)
    if flat.any():
        remedy = (
            "Leave it out, or use 'z': more than half may have one value"
            if standardisation == "robust"
            else "Leave it out: it tells nobody apart"
        )
        raise ValueError(
            f"The variable {variable[int(np.argmax(flat))]} has no spread over the "
            f"{len(complete)} municipalities that have all variables. {remedy}."
        )
    mixing = np.eye(len(variable))
    if distance == "mahalanobis":
        mixing = _inverse_root(away / spread, variable)
    return Yardstick(tuple(variable), taken, spread, mixing)


def nearest(
    values: ArrayLike,
    scale: Yardstick,
    *,
    k: int,
    weight: ArrayLike,
    municipality: Sequence[str],
) -> Nearest:
    """Find the k nearest neighbours of every municipality, and every variable's part in it.

    Who is equally far comes in the order of the ids. The neighbours are not mutual: the nearest of
    one who lies apart have nearer ones of their own.

    Parameters
    ----------
    values : array, shape (n, p)
        Structural variables in the order of the yardstick; NaN is missing.
    scale : Yardstick
        Of these municipalities, or kept from others, so that it does not move with them.
    k : int
        How many neighbours.
    weight : array, shape (p,)
        How much a squared difference counts; positive, only ratios matter. Equal weights are the
        plain distance. With Mahalanobis they count what is left of each variable.
    municipality : sequence of str, length n
        Ids, each once; they settle ties.

    Returns
    -------
    Nearest
        The neighbours of k are the first of those of k + 1.

    Raises
    ------
    ValueError
        If fewer than k others are complete; if an id occurs twice, a weight is not positive, a
        value is infinite or not positive where its logarithm is taken; if lengths do not fit.

    References
    ----------
    CIPFA, Nearest Neighbours Model: Euclidean distance between standardised variables.
    """
    weight = np.asarray(weight, dtype=np.float64)
    if weight.shape != (len(scale.variable),):
        raise ValueError(
            f"{weight.size} weights were given for {len(scale.variable)} variables. Give one each."
        )
    if not np.all((weight > 0) & (weight < np.inf)):
        raise ValueError(
            f"The weights are {weight.tolist()}. Each must be positive and finite; leave out a "
            "variable that is to count for nothing."
        )
    comparable = _comparable(values, scale.variable, municipality, scale.is_log)
    if len(set(municipality)) != len(municipality):
        twice = sorted({one for one in municipality if list(municipality).count(one) > 1})
        raise ValueError(
            f"The municipality {', '.join(twice[:NAMED_AT_MOST])} is given more than once. Give "
            "one row each."
        )
    has_peers = np.asarray(~np.isnan(comparable).any(axis=1), dtype=np.bool_)
    n_complete = int(has_peers.sum())
    if not 1 <= k < n_complete:
        raise ValueError(
            f"{k} neighbours were asked for, and {n_complete} of {len(comparable)} municipalities "
            f"have all variables. Ask for 1 to {max(n_complete - 1, 1)}, or leave out the "
            "variables that are missing."
        )
    row = np.flatnonzero(has_peers)
    standard = comparable[row] / scale.spread @ scale.mixing
    part = weight / weight.mean() * (standard[:, np.newaxis] - standard[np.newaxis]) ** 2
    distance = np.sqrt(part.sum(axis=2))

    by_distance = np.round(distance, DISTANCE_DECIMALS)
    np.fill_diagonal(by_distance, np.inf)
    by_id = np.argsort(np.argsort(np.array(municipality)[row]))
    order = np.lexsort((np.broadcast_to(by_id, by_distance.shape), by_distance))[:, :k]

    n, p = comparable.shape
    found = Nearest(
        has_peers=has_peers,
        peer=np.full((n, k), -1, dtype=np.intp),
        distance=np.full((n, k), np.nan),
        contribution=np.full((n, k, p), np.nan),
    )
    found.peer[row] = row[order]
    found.distance[row] = np.take_along_axis(distance, order, axis=1)
    found.contribution[row] = np.take_along_axis(part, order[:, :, np.newaxis], axis=1)
    return found


def _comparable(
    values: ArrayLike, variable: tuple[str, ...], municipality: Sequence[str], is_log: BoolArray
) -> FloatArray:
    """Return the values, logarithms where they are to be taken, after a look at every one."""
    values = np.array(values, dtype=np.float64)
    if values.shape != (len(municipality), len(variable)):
        raise ValueError(
            f"The values have the shape {values.shape}, for {len(municipality)} municipalities and "
            f"{len(variable)} variables. Give a row and a column each."
        )
    for is_wrong, what in (
        (np.isinf(values), "is infinite"),
        ((values <= 0) & is_log, "has no logarithm"),
    ):
        if is_wrong.any():
            row, column = (int(place[0]) for place in np.nonzero(is_wrong))
            raise ValueError(
                f"{municipality[row]} has {values[row, column]:g} in {variable[column]}, which "
                f"{what} ({int(is_wrong.sum())} such values). Set it aside, or correct it."
            )
    values[:, is_log] = np.log(values[:, is_log])
    return values


def _inverse_root(standard: FloatArray, variable: Sequence[str]) -> FloatArray:
    """Return the symmetric inverse root of the correlation matrix."""
    value, vector = np.linalg.eigh(standard.T @ standard / len(standard))
    if value[0] < COLLINEAR:
        first, second = np.argsort(-np.abs(vector[:, 0]), kind="stable")[:2]
        raise ValueError(
            f"The variables cannot be told apart: {variable[first]} follows from others, such as "
            f"{variable[second]}. Leave one of them out, or use 'euclidean'."
        )
    root: FloatArray = (vector / np.sqrt(value)) @ vector.T
    return root


def _check_choice(kind: str, choice: str, choices: Sequence[str]) -> None:
    if choice not in choices:
        raise ValueError(f"Unknown {kind} {choice!r}. Use one of {', '.join(choices)}.")
