"""The likelihood of a truncated regression, and the climb to its maximum, compiled.

Values are distances from the point where the distribution is cut off, in their mean; parameters are
coefficient / sigma^2 and 1 / sigma^2, in which the likelihood is concave.
"""

import math

import numba
import numpy as np

from models.frontier.technology import FloatArray, IntArray

CONVERGED, NO_MAXIMUM, NOT_CONVERGED = 0, 1, 2
LEAST_PRECISION = 1e-6  # 1 / sigma^2, in mean excesses: sigma is a thousand of them
MOST_STEPS = 100  # ten are usual
NEAR = 1e-9  # of the likelihood's logarithm: a step that promises less is the last
FAR = -3.0  # a centre so many sigmas beyond the cut: from there on by continued fraction
FRACTIONS = 80  # of it; 70 give all digits at three sigmas


@numba.njit(cache=True, nogil=True)
def moments(centre: float, moment: FloatArray) -> float:
    """Fill in the first four moments of the positive part of a normal of variance 1.

    Returns the logarithm of that part's share by the density at 0 (Mills).
    """
    if centre < FAR:
        # The recursion below, backwards: all terms are positive, so that no digit is lost.
        ratio = 0.0
        for order in range(FRACTIONS, 0, -1):
            ratio = order / (ratio - centre)
            if order <= 4:
                moment[order - 1] = ratio
        for order in range(1, 4):
            moment[order] *= moment[order - 1]
        return -math.log(moment[0] - centre)
    share = 0.5 * math.erfc(-centre / math.sqrt(2.0))
    density = math.exp(-0.5 * centre**2) / math.sqrt(2.0 * math.pi)
    moment[0] = centre + density / share
    moment[1] = centre * moment[0] + 1.0
    moment[2] = centre * moment[1] + 2.0 * moment[0]
    moment[3] = centre * moment[2] + 3.0 * moment[1]
    return math.log(share) + 0.5 * centre**2 + 0.5 * math.log(2.0 * math.pi)


@numba.njit(cache=True, nogil=True)
def _evaluate(
    excess: FloatArray,
    columns: FloatArray,
    parameter: FloatArray,
    gradient: FloatArray,
    curvature: FloatArray,
) -> float:
    """Fill in the likelihood's gradient and minus its second derivatives; return its logarithm."""
    n, k = columns.shape
    moment = np.empty(4)
    precision = parameter[k]
    root = math.sqrt(precision)
    height = 0.0
    gradient[:] = 0.0
    curvature[:] = 0.0
    for i in range(n):
        pull = 0.0
        for j in range(k):
            pull += columns[i, j] * parameter[j]
        mills = moments(pull / root, moment)
        height += pull * excess[i] - 0.5 * precision * excess[i] ** 2 - mills + math.log(root)
        mean, square = moment[0] / root, moment[1] / precision
        variance = (moment[1] - moment[0] ** 2) / precision
        between = -0.5 * (moment[2] - moment[0] * moment[1]) / (precision * root)
        of_square = 0.25 * (moment[3] - moment[1] ** 2) / precision**2
        for j in range(k):
            gradient[j] += columns[i, j] * (excess[i] - mean)
            for other in range(j + 1):
                curvature[j, other] += columns[i, j] * columns[i, other] * variance
            curvature[k, j] += columns[i, j] * between
        gradient[k] += 0.5 * (square - excess[i] ** 2)
        curvature[k, k] += of_square
    for j in range(k + 1):
        for other in range(j):
            curvature[other, j] = curvature[j, other]
    return height


@numba.njit(cache=True, nogil=True)
def _solve(matrix: FloatArray, right: FloatArray, size: int, solution: FloatArray) -> bool:
    """Solve the first `size` equations by Cholesky; False where they are not positive definite."""
    factor = np.zeros((size, size))
    for j in range(size):
        for i in range(j, size):
            rest = matrix[i, j]
            for other in range(j):
                rest -= factor[i, other] * factor[j, other]
            if i == j:
                if not rest > 0.0:
                    return False
                factor[j, j] = math.sqrt(rest)
            else:
                factor[i, j] = rest / factor[j, j]
    solution[:] = 0.0
    for i in range(size):
        rest = right[i]
        for other in range(i):
            rest -= factor[i, other] * solution[other]
        solution[i] = rest / factor[i, i]
    for i in range(size - 1, -1, -1):
        rest = solution[i]
        for other in range(i + 1, size):
            rest -= factor[other, i] * solution[other]
        solution[i] = rest / factor[i, i]
    return True


@numba.njit(cache=True, nogil=True)
def _climb(
    excess: FloatArray, columns: FloatArray, parameter: FloatArray, curvature: FloatArray
) -> tuple[float, int]:
    """Climb from `parameter` to the maximum by Newton's steps, halved where they go too far.

    The precision is kept from falling below its least. Where it stays there though all else is at
    its best, the likelihood, being concave, has no maximum above it.
    """
    size = parameter.size
    gradient, step = np.empty(size), np.empty(size)
    next_gradient, next_curvature = np.empty(size), np.empty((size, size))
    height = _evaluate(excess, columns, parameter, gradient, curvature)
    for _ in range(MOST_STEPS):
        if not _solve(curvature, gradient, size, step):
            return height, NOT_CONVERGED
        is_held = parameter[-1] <= LEAST_PRECISION and step[-1] < 0.0
        if is_held and not _solve(curvature, gradient, size - 1, step):
            return height, NOT_CONVERGED
        promise = np.sum(gradient * step)
        if is_held and promise < NEAR:
            return height, NO_MAXIMUM
        most = 1.0
        if parameter[-1] + step[-1] < LEAST_PRECISION:
            most = (parameter[-1] - LEAST_PRECISION) / -step[-1]
        share = most
        is_last = promise < NEAR and most == 1.0
        while True:
            place = parameter + share * step
            if share == most < 1.0:  # or rounding leaves it a little above, and not held
                place[-1] = LEAST_PRECISION
            reached = _evaluate(excess, columns, place, next_gradient, next_curvature)
            if is_last or reached >= height + 1e-4 * share * promise:
                break
            share *= 0.5
            if share < 1e-12:
                return height, NOT_CONVERGED
        parameter[:], gradient[:], curvature[:] = place, next_gradient, next_curvature
        height = reached
        if is_last:
            return height, CONVERGED
    return height, NOT_CONVERGED


@numba.njit(cache=True, nogil=True)
def climb_all(
    excess: FloatArray, columns: FloatArray, start: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, IntArray]:
    """Return parameters, curvature, height and status of every draw's maximum."""
    n_draw, size = excess.shape[0], start.size
    parameter, curvature = np.empty((n_draw, size)), np.empty((n_draw, size, size))
    height, code = np.empty(n_draw), np.empty(n_draw, dtype=np.int64)
    for draw in range(n_draw):
        parameter[draw] = start
        height[draw], code[draw] = _climb(excess[draw], columns, parameter[draw], curvature[draw])
    return parameter, curvature, height, code
