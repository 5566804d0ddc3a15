"""The schools of the simulated Sweden: what each achieves, and how far schools differ.

The formulas stand in `kolada.sample`. Arrays are (n_period, n_unit) where nothing else is said. A
school's part of its municipality's pupils never changes, so that the mean of a municipality's
schools can be held at the municipality's own value.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kolada.simulated.model import FEWEST_PUPILS, Dice, FloatArray, Series

# What one standard deviation of a school's character adds: points, and the logit of a share.
POINTS = {"N15505": 20.0}
SHARES = {"N15436": 0.6}

SIZE_SPREAD = 0.6  # of the logarithm of a school's pupils
POINTS_OF_A_PUPIL = 30.0  # standard deviation; as in the municipality's own value
STEPS = 4  # of Newton's method, after which the mean is right to far below the rounding


@dataclass(frozen=True, slots=True)
class UnitResults:
    """One KPI of every school, and the variance of what is true of them.

    The variances are of both genders together, weighted by pupils, shape (n_period,): between the
    municipalities' means and of the schools about the mean of their own. Luck is in neither.
    """

    series: Series
    variance_between: FloatArray
    variance_within: FloatArray


@dataclass(frozen=True, slots=True)
class Schools:
    """Every school's part of its municipality's pupils, and its character."""

    home: npt.NDArray[np.intp]  # (n_unit,), the municipality's place
    part: FloatArray  # (n_unit,), of the municipality's pupils; sums to 1 in each
    first: npt.NDArray[np.intp]  # (n_municipality,), where its schools begin
    n_pupil: Mapping[str, FloatArray]  # by gender, whole
    character: FloatArray  # (n_unit,)

    @classmethod
    def drawn(cls, dice: Dice, home: Sequence[int], n_pupil: Mapping[str, FloatArray]) -> "Schools":
        """Divide the pupils of year 9 among the schools.

        Parameters
        ----------
        home : sequence, length n_unit
            Each school's municipality, as its place in the arrays of municipalities; in order,
            and none left out.
        n_pupil : mapping
            Girls (K) and boys (M), each (n_period, n_municipality).
        """
        place = np.array(home, dtype=np.intp)
        size = np.exp(SIZE_SPREAD * dice.stream("unit size").normal(size=len(place)))
        part = size / np.bincount(place, weights=size)[place]
        return cls(
            home=place,
            part=part,
            first=np.searchsorted(place, np.arange(dice.shape[1])),
            n_pupil={gender: np.round(n[:, place] * part) for gender, n in n_pupil.items()},
            character=dice.stream("unit character").normal(size=len(place)),
        )

    def sum(self, values: FloatArray) -> FloatArray:
        """Each municipality's sum over its schools, (n_period, n_municipality)."""
        total: FloatArray = np.add.reduceat(values, self.first, axis=1)
        return total

    def mean(self, values: FloatArray) -> FloatArray:
        """Each municipality's mean weighted by pupils, (n_period, n_municipality)."""
        return self.sum(values * self.part)

    def shifted(self, values: FloatArray, mean: FloatArray) -> FloatArray:
        """Values whose means are `mean`."""
        return values + (mean - self.mean(values))[:, self.home]


def unit_results(
    dice: Dice, schools: Schools, results: Mapping[str, Mapping[str, FloatArray]]
) -> dict[str, UnitResults]:
    """Draw what each school achieves around the results of its municipality.

    `results` has these by KPI and gender, before anything is hidden.
    """
    few = np.minimum(schools.n_pupil["K"], schools.n_pupil["M"]) < FEWEST_PUPILS
    none = schools.n_pupil["K"] + schools.n_pupil["M"] < FEWEST_PUPILS
    units = {}
    for kpi in (*POINTS, *SHARES):
        true, seen = {}, {}
        for gender in "KM":
            luck = dice.stream(f"unit {kpi} {gender}").normal(size=few.shape)
            of = results[kpi][gender]
            draw = _points if kpi in POINTS else _shares
            true[gender], seen[gender] = draw(schools, kpi, of, schools.n_pupil[gender], luck)
        by_gender = {g: np.where(few, np.nan, seen[g]).round(1) for g in "KM"}
        both = _both(schools.n_pupil, seen)
        series = Series(
            {"T": np.where(none, np.nan, both).round(1), **by_gender},
            asked=np.ones(few.shape, dtype=np.bool_),
        )
        units[kpi] = UnitResults(series, *_variances(schools, _both(schools.n_pupil, true)))
    return units


def _points(
    schools: Schools, kpi: str, of: FloatArray, n: FloatArray, luck: FloatArray
) -> tuple[FloatArray, FloatArray]:
    true = schools.shifted(of[:, schools.home] + POINTS[kpi] * schools.character, of)
    noise = POINTS_OF_A_PUPIL / np.sqrt(n.clip(1)) * luck
    return true, schools.shifted(true + noise, of)


def _shares(
    schools: Schools, kpi: str, of: FloatArray, n: FloatArray, luck: FloatArray
) -> tuple[FloatArray, FloatArray]:
    target = np.clip(of / 100, 0.005, 0.995)
    each = _logit(target)[:, schools.home] + SHARES[kpi] * schools.character
    shift = np.zeros(target.shape)
    for _ in range(STEPS):
        share = 1 / (1 + np.exp(-each - shift[:, schools.home]))
        mean, slope = schools.mean(share), schools.mean(share * (1 - share))
        # On the scale of logits, where the mean is nearly linear in the shift.
        shift += (_logit(target) - _logit(mean)) * mean * (1 - mean) / slope
    share = 1 / (1 + np.exp(-each - shift[:, schools.home]))
    noise = np.sqrt(share * (1 - share) / n.clip(1)) * luck
    passed = np.clip(np.round(n * schools.shifted(share + noise, of / 100)), 0, n)
    return 100 * share, 100 * passed / n.clip(1)


def _logit(share: FloatArray) -> FloatArray:
    logit: FloatArray = np.log(share / (1 - share))
    return logit


def _both(weight: Mapping[str, FloatArray], values: Mapping[str, FloatArray]) -> FloatArray:
    total = (weight["K"] + weight["M"]).clip(1e-9)
    mean: FloatArray = (weight["K"] * values["K"] + weight["M"] * values["M"]) / total
    return mean


def _variances(schools: Schools, true: FloatArray) -> tuple[FloatArray, FloatArray]:
    share = schools.n_pupil["K"] + schools.n_pupil["M"]
    share = share / share.sum(axis=1, keepdims=True)
    mean = (schools.sum(share * true) / schools.sum(share).clip(1e-12))[:, schools.home]
    country = (share * true).sum(axis=1, keepdims=True)
    between = (share * np.square(mean - country)).sum(axis=1)
    within = (share * np.square(true - mean)).sum(axis=1)
    return between, within
