"""How large the largest of many differences gets by chance.

The compiled loops behind `models/rank/confidence.py`: 290 DMUs have 83 810 differences, each way
counted, and every one is made anew in every draw.
"""

import math
from collections.abc import Callable

import numba
import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from models.panel import FloatArray

IntArray = NDArray[np.int64]
CriticalValue = Callable[[IntArray, IntArray, FloatArray], float]

DRAWS_AT_ONCE = 512  # 4 kB of a DMU's draws: those of 290 DMUs stay in a processor's cache
FOLLOWS = 1e-12  # of a variance; a DMU with less of its own errs as those before it do


def drawn_critical_value(root: FloatArray, *, level: float, draws: int, seed: int) -> CriticalValue:
    """Make the function that draws the largest difference and returns what it rarely exceeds.

    All its answers are from the same draws. So with fewer differences to look at the value is
    never larger, which stepping down counts on, and its level is exact: of draws + 1 largest
    differences, the data's own among them, each is as likely as another to be in any place.

    Parameters
    ----------
    root : array, shape (n,) or (n, n)
        Standard errors, or a lower triangular L with L L' the covariance of the errors.
    level : float
        Above 0 and below 1.
    draws : int
        How many; the value is the one of place level (draws + 1), rounded up.
    seed : int
        The same seed gives the same bytes, whatever the number of threads.

    Returns
    -------
    callable
        Of positions, positions and standard errors, each of shape (n_difference,): the value in
        standard errors that the largest of the differences, first less second, stays within.

    Raises
    ------
    ValueError
        If there are too few draws for the level.
    """
    # In floating point 0.55 (99 + 1) is a little above 55, and place 56 would be one too many.
    place = max(math.ceil(level * (draws + 1) - 1e-9), 1)
    if place > draws:
        raise ValueError(
            f"{draws} draws and level {level} were asked for. Use at least "
            f"{math.ceil(level / (1 - level) - 1e-9)} draws for this level."
        )
    normal = np.random.default_rng(seed).standard_normal((len(root), draws))
    # Not a matrix product: its last bits change with the number of threads.
    noise = root[:, np.newaxis] * normal if root.ndim == 1 else _product(root, normal)

    def critical_value(first: IntArray, second: IntArray, error: FloatArray) -> float:
        largest = _largest(noise, first, second, 1 / error)
        return float(np.partition(largest, place - 1)[place - 1])

    return critical_value


def shared_critical_value(*, level: float) -> CriticalValue:
    """Make the function that shares the normal tail equally among the differences.

    Parameters
    ----------
    level : float
        Above 0 and below 1.

    Returns
    -------
    callable
        As that of `drawn_critical_value`; it holds however the errors go together, and is wider.
    """
    return lambda first, _, __: float(norm.isf((1 - level) / first.size))


def lower_root(covariance: FloatArray) -> FloatArray:
    """Return the lower triangular root of a covariance whose rank may be less than its size.

    Parameters
    ----------
    covariance : array, shape (n, n)
        Symmetric, without negative eigenvalues; not checked.

    Returns
    -------
    array, shape (n, n)
        L with L L' the covariance, the same bytes whatever the number of threads.
    """
    root: FloatArray = _root(covariance)
    return root


def _largest_difference(
    noise: FloatArray, first: IntArray, second: IntArray, weight: FloatArray
) -> FloatArray:
    """Return every draw's largest weighted difference, first less second."""
    n_draw = noise.shape[1]
    largest = np.full(n_draw, -np.inf)
    for start in range(0, n_draw, DRAWS_AT_ONCE):
        stop = min(start + DRAWS_AT_ONCE, n_draw)
        block = largest[start:stop]
        for pair in range(first.size):
            above, below = noise[first[pair], start:stop], noise[second[pair], start:stop]
            for d in range(stop - start):
                difference = (above[d] - below[d]) * weight[pair]
                # Not an if: the processor takes several draws at a time only without a branch.
                block[d] = difference if difference > block[d] else block[d]
    return largest


def _triangular_product(root: FloatArray, normal: FloatArray) -> FloatArray:
    product = np.zeros(normal.shape)
    for row in range(root.shape[0]):
        for column in range(row + 1):
            for d in range(normal.shape[1]):
                product[row, d] += root[row, column] * normal[column, d]
    return product


def _lower_root(matrix: FloatArray) -> FloatArray:
    n = matrix.shape[0]
    root = np.zeros((n, n))
    for column in range(n):
        own = matrix[column, column]
        for k in range(column):
            own -= root[column, k] ** 2
        if own <= FOLLOWS * matrix[column, column]:
            continue
        root[column, column] = np.sqrt(own)
        for row in range(column + 1, n):
            rest = matrix[row, column]
            for k in range(column):
                rest -= root[row, k] * root[column, k]
            root[row, column] = rest / root[column, column]
    return root


# Called, not written as decorators: outside `frontier` mypy wants decorators that have types.
_largest = numba.njit(cache=True, nogil=True)(_largest_difference)
_product = numba.njit(cache=True, nogil=True)(_triangular_product)
_root = numba.njit(cache=True, nogil=True)(_lower_root)
