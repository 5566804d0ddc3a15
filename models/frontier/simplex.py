"""The simplex of the radial kernel, compiled: facets that one DMU has found serve all others.

The technology is a cone in the space (inputs, outputs, 1), or (inputs, outputs) under constant
returns: the span, with intensities of at least 0, of the DMUs' own vectors and of one vector per
slack. A DMU is the line base + t * ray, and t is sought as large as the cone allows.

A facet is a hyperplane with all of the cone on one side, held by as many of the spanning vectors
as there are dimensions less one. It bounds t for every DMU, so the facet with the least bound is
where a DMU's search begins; the bound is the answer where the line meets the hyperplane between
the facet's own vectors. Else the vector with the most negative intensity leaves, the dual ratio
test says which one enters, and the next facet bounds t more closely (dual simplex; Lemke 1954).

Each facet keeps the inverse of its vectors together with one direction off its hyperplane, and
that does not depend on the DMU: to try a facet costs two products with a matrix of 2 to 12 rows.
The direction is less of every input and more of every output, so the last row of the inverse is
the hyperplane's normal: minus the inputs' prices, the outputs' prices, the price of scale.
"""

import numba
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

OUTSIDE = 1e-11  # an intensity below minus this leaves; columns are scaled to mean 1
NO_PIVOT = 1e-10  # a coefficient nearer to 0 is rounding
SINGULAR = 1e-14  # a pivot nearer to 0 gives no inverse
NO_BOUND = 1e-13  # a facet along the ray does not bound it
TIE = 1e-12  # ratios this near are one; the largest coefficient among them is the safest pivot
NOT_DUAL = 1e-9  # a vector this far on the wrong side shows that the inverse has gone bad
PROOF = 1e-7  # of the sizes of what is added: a line this far outside cannot be rounding
BLAND_AFTER = 60  # pivots; from there on by Bland's rule, which is slower and cannot cycle
MOST_PIVOTS = 600
FOUND, UNBOUNDED_DUAL, GIVEN_UP = 1, 0, -1


@numba.njit(cache=True, nogil=True)
def _invert(work: FloatArray, inverse: FloatArray) -> bool:
    """Invert `work`, which is lost, with row pivoting; False where it is singular."""
    n = work.shape[0]
    inverse[:] = 0.0
    for i in range(n):
        inverse[i, i] = 1.0
    for column in range(n):
        best = column
        for row in range(column + 1, n):
            if abs(work[row, column]) > abs(work[best, column]):
                best = row
        if abs(work[best, column]) < SINGULAR:
            return False
        if best != column:
            for j in range(n):
                work[best, j], work[column, j] = work[column, j], work[best, j]
                inverse[best, j], inverse[column, j] = inverse[column, j], inverse[best, j]
        scale = 1.0 / work[column, column]
        for j in range(n):
            work[column, j] *= scale
            inverse[column, j] *= scale
        for row in range(n):
            factor = work[row, column]
            if row != column and factor != 0.0:
                for j in range(n):
                    work[row, j] -= factor * work[column, j]
                    inverse[row, j] -= factor * inverse[column, j]
    return True


@numba.njit(cache=True, nogil=True)
def _make_inverse(
    spanning: FloatArray,
    slack: FloatArray,
    member: IntArray,
    off: FloatArray,
    work: FloatArray,
    inverse: FloatArray,
) -> bool:
    """Fill the inverse of a facet's vectors and `off`; False where they do not span the space."""
    d, n = spanning.shape
    for k in range(d - 1):
        for row in range(d):
            work[row, k] = spanning[row, member[k]] if member[k] < n else slack[row, member[k] - n]
    for row in range(d):
        work[row, d - 1] = off[row]
    return _invert(work, inverse)


@numba.njit(cache=True, nogil=True)
def _price(spanning: FloatArray, slack: FloatArray, row: FloatArray, price: FloatArray) -> None:
    """Fill the product of `row` with every spanning vector."""
    d, n = spanning.shape
    for j in range(n):
        price[j] = row[0] * spanning[0, j]
    for i in range(1, d):
        weight = row[i]
        for j in range(n):
            price[j] += weight * spanning[i, j]
    for j in range(slack.shape[1]):
        total = 0.0
        for i in range(d):
            total += row[i] * slack[i, j]
        price[n + j] = total


@numba.njit(cache=True, nogil=True)
def _meet(
    inverse: FloatArray, base: FloatArray, ray: FloatArray, intensity: FloatArray, r: FloatArray
) -> float:
    """Return t where the line meets the hyperplane, and fill the intensities there.

    NaN where the hyperplane does not bound the line, which only a worn inverse can say.
    """
    d = base.shape[0]
    for i in range(d):
        along_base, along_ray = 0.0, 0.0
        for j in range(d):
            along_base += inverse[i, j] * base[j]
            along_ray += inverse[i, j] * ray[j]
        intensity[i] = along_base
        r[i] = along_ray
    t: float = -intensity[d - 1] / r[d - 1] if r[d - 1] > 0.0 else np.nan
    for i in range(d):
        intensity[i] += t * r[i]
    return t


@numba.njit(cache=True, nogil=True)
def _leaving(intensity: FloatArray, member: IntArray, by_index: bool) -> int:
    """Return the place of the vector that leaves the facet, -1 if none has to."""
    leaving = -1
    for i in range(member.shape[0]):
        if intensity[i] < -OUTSIDE and (
            leaving < 0
            or (member[i] < member[leaving] if by_index else intensity[i] < intensity[leaving])
        ):
            leaving = i
    return leaving


@numba.njit(cache=True, nogil=True)
def _entering(slope: FloatArray, gap: FloatArray, left_out: int, by_index: bool) -> int:
    """Return the vector that the turning hyperplane meets first, -1 if it meets none."""
    least = np.inf
    for j in range(slope.shape[0]):
        if slope[j] < -NO_PIVOT:
            ratio = gap[j] / -slope[j]
            if ratio < least and j != left_out:
                least = ratio
    if least == np.inf:
        return -1
    # Of a large ratio a tie is a share, or rounding would leave nobody to enter.
    tied = least * (1.0 + TIE) + TIE
    entering, steepest = -1, 0.0
    for j in range(slope.shape[0]):
        if slope[j] < steepest - NO_PIVOT and j != left_out and gap[j] <= tied * -slope[j]:
            entering, steepest = j, slope[j]
            if by_index:
                break
    return entering


@numba.njit(cache=True, nogil=True)
def _search(
    spanning: FloatArray,
    slack: FloatArray,
    off: FloatArray,
    base: FloatArray,
    ray: FloatArray,
    left_out: int,
    member: IntArray,
    inverse: FloatArray,
    intensity: FloatArray,
) -> int:
    """Turn the facet in `member` and `inverse` until it holds the point where the line leaves."""
    d, n = spanning.shape
    n_column = n + slack.shape[1]
    gap, slope = np.empty(n_column), np.empty(n_column)
    row, r, entered = np.empty(d), np.empty(d), np.empty(d)
    work = np.empty((d, d))
    _price(spanning, slack, inverse[d - 1], gap)
    for j in range(n_column):
        gap[j] = max(-gap[j], 0.0)

    is_fresh = False
    for pivot in range(MOST_PIVOTS):
        by_index = pivot >= BLAND_AFTER
        if np.isnan(_meet(inverse, base, ray, intensity, r)):
            return GIVEN_UP
        leaving = _leaving(intensity, member, by_index)
        if leaving < 0:
            if is_fresh:
                return FOUND
            if not _renew(spanning, slack, off, left_out, member, inverse, gap, work):
                return GIVEN_UP
            is_fresh = True
            continue
        tilt = r[leaving] / r[d - 1]
        for i in range(d):
            row[i] = inverse[leaving, i] - tilt * inverse[d - 1, i]
        _price(spanning, slack, row, slope)
        entering = _entering(slope, gap, left_out, by_index)
        if entering < 0:
            if not is_fresh:  # what many turns have left of the inverse proves nothing
                if not _renew(spanning, slack, off, left_out, member, inverse, gap, work):
                    return GIVEN_UP
                is_fresh = True
                continue
            size = 0.0
            for i in range(d):
                size += abs(row[i] * base[i])
            return UNBOUNDED_DUAL if intensity[leaving] < -PROOF * size else GIVEN_UP
        turn = gap[entering] / -slope[entering]
        shrunk = 1.0 + turn * tilt
        if shrunk < NO_BOUND:
            return GIVEN_UP
        for j in range(n_column):
            gap[j] = max((gap[j] + turn * slope[j]) / shrunk, 0.0)
        for i in range(d):
            total = 0.0
            for k in range(d):
                vector = spanning[k, entering] if entering < n else slack[k, entering - n]
                total += inverse[i, k] * vector
            entered[i] = total
        if abs(entered[leaving]) < SINGULAR:  # rounding has left nothing to turn on
            return GIVEN_UP
        scale = 1.0 / entered[leaving]
        for k in range(d):
            inverse[leaving, k] *= scale
        for i in range(d):
            if i != leaving:
                for k in range(d):
                    inverse[i, k] -= entered[i] * inverse[leaving, k]
        member[leaving] = entering
        is_fresh = False
    return GIVEN_UP


@numba.njit(cache=True, nogil=True)
def _renew(
    spanning: FloatArray,
    slack: FloatArray,
    off: FloatArray,
    left_out: int,
    member: IntArray,
    inverse: FloatArray,
    gap: FloatArray,
    work: FloatArray,
) -> bool:
    """Make the facet's inverse and the gaps to it anew; False where it is no facet after all."""
    if not _make_inverse(spanning, slack, member, off, work, inverse):
        return False
    _price(spanning, slack, inverse[-1], gap)
    for j in range(gap.size):
        if gap[j] > NOT_DUAL and j != left_out:
            return False
        gap[j] = max(-gap[j], 0.0)
    return True


@numba.njit(cache=True, nogil=True)
def _first_facets(
    spanning: FloatArray, n_input: int, n_output: int, returns: int, member: IntArray
) -> int:
    """Fill the members of facets that need no search, and return how many there are.

    returns: 0 constant, 1 variable, 2 non-increasing, 3 non-decreasing.
    """
    n, n_facet = spanning.shape[1], 0
    if returns in (1, 3):  # the least of one input, whatever the output
        for i in range(n_input):
            least = 0
            for j in range(n):
                if spanning[i, j] < spanning[i, least]:
                    least = j
            member[n_facet, 0] = least
            place = 1
            for k in range(n_input + n_output):
                if k != i:
                    member[n_facet, place] = n + k
                    place += 1
            n_facet += 1
    if returns in (1, 2):  # the most of one output, whatever the input
        for i in range(n_input, n_input + n_output):
            most = 0
            for j in range(n):
                if spanning[i, j] > spanning[i, most]:
                    most = j
            member[n_facet, 0] = most
            place = 1
            for k in range(n_input + n_output):
                if k != i:
                    member[n_facet, place] = n + k
                    place += 1
            n_facet += 1
    if returns != 1:  # the best ratio of one output to one input, at any scale
        for pair in range(n_input + n_output):
            i = pair if pair < n_input else 0
            o = n_input + (pair - n_input if pair >= n_input else 0)
            best, ratio = 0, -1.0
            for j in range(n):
                if spanning[i, j] == 0.0:
                    ratio = np.inf if spanning[o, j] > 0.0 else ratio
                elif spanning[o, j] > ratio * spanning[i, j]:
                    best, ratio = j, spanning[o, j] / spanning[i, j]
            if ratio == np.inf:  # some output of no input at all bounds nothing
                continue
            member[n_facet, 0] = best
            place = 1
            for k in range(n_input + n_output):
                if k not in (i, o):
                    member[n_facet, place] = n + k
                    place += 1
            if returns != 0:
                member[n_facet, place] = n + n_input + n_output
            n_facet += 1
    return n_facet


@numba.njit(cache=True, nogil=True)
def _holds(member: IntArray, column: int) -> bool:
    for k in range(member.shape[0]):  # noqa: SIM110 - numba compiles no generator
        if member[k] == column:
            return True
    return False


@numba.njit(cache=True, nogil=True)
def solve_all(
    spanning: FloatArray,
    slack: FloatArray,
    off: FloatArray,
    n_input: int,
    returns: int,
    base: FloatArray,
    ray: FloatArray,
    left_out: IntArray,
    t: FloatArray,
    status: IntArray,
    member: IntArray,
    intensity: FloatArray,
    normal: FloatArray,
) -> None:
    """Solve base + t * ray in the cone for every row; fills the last five arrays.

    Parameters
    ----------
    spanning : array, shape (d, n)
        The DMUs' vectors, a row per dimension.
    slack : array, shape (d, n_slack)
        The slacks' vectors: inputs', outputs', and of the scale where there is one.
    off : array, shape (d,)
        Less of every input, more of every output.
    n_input, returns : int
        As `_first_facets` has them.
    base, ray : array, shape (n_line, d)
        The lines.
    left_out : array of int, shape (n_line,)
        The DMU that takes no part for this line, -1 for none.
    t, status, member, intensity, normal : arrays with n_line rows
        To be filled; the last three of d - 1, d - 1 and d columns.
    """
    d = spanning.shape[0]
    n_line, n_output = base.shape[0], off.shape[0] - n_input - (0 if returns == 0 else 1)
    capacity = n_line + 2 * (n_input + n_output) + 1
    facet_member = np.empty((capacity, d - 1), dtype=np.int64)
    facet_inverse = np.empty((capacity, d, d))
    facet_normal = np.empty((d, capacity))
    work = np.empty((d, d))
    n_made = _first_facets(spanning, n_input, n_output, returns, facet_member)
    n_facet = 0
    for f in range(n_made):
        facet_member[n_facet] = facet_member[f]
        if _make_inverse(spanning, slack, facet_member[n_facet], off, work, facet_inverse[n_facet]):
            facet_normal[:, n_facet] = facet_inverse[n_facet, d - 1]
            n_facet += 1

    bound, slant = np.empty(capacity), np.empty(capacity)
    now_member = np.empty(d - 1, dtype=np.int64)
    now_inverse = np.empty((d, d))
    now_intensity, r = np.empty(d), np.empty(d)
    for line in range(n_line):
        out = left_out[line]
        for f in range(n_facet):
            bound[f] = 0.0
            slant[f] = 0.0
        for i in range(d):
            at, along = base[line, i], ray[line, i]
            if at != 0.0:
                for f in range(n_facet):
                    bound[f] -= facet_normal[i, f] * at
            if along != 0.0:
                for f in range(n_facet):
                    slant[f] += facet_normal[i, f] * along
        best, least = -1, np.inf
        for f in range(n_facet):
            if slant[f] > NO_BOUND and bound[f] < least * slant[f]:
                if out >= 0 and _holds(facet_member[f], out):
                    continue
                best, least = f, bound[f] / slant[f]
        if best < 0:
            status[line] = GIVEN_UP
            continue
        found = FOUND
        t[line] = _meet(facet_inverse[best], base[line], ray[line], now_intensity, r)
        if _leaving(now_intensity, facet_member[best], False) >= 0:
            now_member[:] = facet_member[best]
            now_inverse[:] = facet_inverse[best]
            found = _search(
                spanning, slack, off, base[line], ray[line], out,
                now_member, now_inverse, now_intensity,
            )  # fmt: skip
            status[line] = found
            if found != FOUND:
                continue
            t[line] = _meet(now_inverse, base[line], ray[line], now_intensity, r)
            is_everyones = True
            if out >= 0:
                total = 0.0
                for i in range(d):
                    total += now_inverse[d - 1, i] * spanning[i, out]
                is_everyones = total <= 0.0
            if is_everyones:
                facet_member[n_facet] = now_member
                facet_inverse[n_facet] = now_inverse
                facet_normal[:, n_facet] = now_inverse[d - 1]
                best = n_facet
                n_facet += 1
        else:
            now_member[:] = facet_member[best]
            now_inverse[:] = facet_inverse[best]
        status[line] = FOUND
        member[line] = now_member
        intensity[line] = now_intensity[: d - 1]
        normal[line] = now_inverse[d - 1]
