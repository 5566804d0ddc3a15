"""RKA's indices of the simulated Sweden, from the series that it publishes.

Each component is put on 0 to 100 between its percentiles 2.5 and 97.5; the mean of those who have
every component is put on 0 to 100 in the same way; the efficiency index is the mean of the
resource and the quality index, put there once more. The scaling is linear between the two
percentiles and these are interpolated linearly, which RKA's descriptions leave open.

Arrays are (n_period, n_municipality), and nan is a value that is missing.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from kolada.simulated.model import FloatArray, Series, published

DEGREE_WEIGHT = 0.75  # of the degrees in upper secondary school; the rest is the pupil survey's


def with_indices(
    series: Mapping[str, Series],
    indices: Callable[[Mapping[str, FloatArray]], dict[str, FloatArray]],
) -> dict[str, Series]:
    """Return the series and the indices of their totals; who has no index has no row."""
    known = indices({kpi: one.total for kpi, one in series.items()})
    return {**series} | {
        kpi: published({"T": values}, asked=np.isfinite(values), has_riket=False)
        for kpi, values in known.items()
    }


def preschool_indices(of: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Return U11001, U11404 and U11901; staff density is N11010, where fewer is better."""
    resource = _mean([_scaled(-of["N11032"]), _scaled(-of["N11024"])])
    quality = _mean([_scaled(of["N11810"]), _scaled(of["N11800"]), _scaled(-of["N11010"])])
    return _three(("U11001", "U11404", "U11901"), _scaled(resource), _scaled(quality))


def school_indices(of: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Return U15010, U15401 and U15900.

    Quality is the mean of what the results of year 9 have beyond their regression on N15820 and
    N15818, in place of the model values that ended in 2024, and of the pupil survey, with last
    period's answer where there was none. The survey counts once the whole country was asked.
    """
    background = [of["N15820"], of["N15818"]]
    results = [_scaled(_unexplained(of[kpi], background)) for kpi in ("N15505", "N15419", "N15436")]
    survey = _carried(of["N15643"])
    is_surveyed = np.isfinite(survey).mean(axis=1, keepdims=True) > 0.75
    quality = np.where(is_surveyed, _mean([*results, _scaled(survey)]), _mean(results))
    resource = _scaled(-of["U15049"])
    return _three(("U15010", "U15401", "U15900"), resource, _scaled(quality))


def upper_secondary_indices(of: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Return U17001, U17401 and U17900.

    Quality is three quarters what N17467 has beyond its regression on N15820 and N15818, in
    place of the model value that ended in 2024, and one quarter the latest U17508, which may be
    a period old.
    """
    degrees = _scaled(_unexplained(of["N17467"], [of["N15820"], of["N15818"]]))
    survey = _scaled(_carried(of["U17508"]))
    quality = DEGREE_WEIGHT * degrees + (1 - DEGREE_WEIGHT) * survey
    return _three(("U17001", "U17401", "U17900"), _scaled(-of["U17031"]), _scaled(quality))


def elderly_indices(of: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Return U20008, U20404 and U20900.

    A survey or a waiting time that is missing is last period's. Adequately trained staff, which
    RKA counts too, is not simulated.
    """
    answers = [of[kpi] for kpi in ("U21504", "U21463", "U23520", "U23470")]
    components = [*answers, -of["U23401"]]
    quality = _mean([_scaled(_carried(values)) for values in components])
    resource = _scaled(-of["N20900"])
    return _three(("U20008", "U20404", "U20900"), resource, _scaled(quality))


def disability_indices(of: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Return U28001, U28408 and U28900; an answer that is missing is last period's."""
    resource = _mean([_scaled(-of[kpi]) for kpi in ("N28013", "N28015", "N28018")])
    quality = _mean([_scaled(_carried(of[kpi])) for kpi in ("U28663", "U28561")])
    return _three(("U28001", "U28408", "U28900"), _scaled(resource), _scaled(quality))


def income_support_indices(of: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Return U31002, U31401 and U31904.

    Quality is the long-term share alone: who came back within a year, which RKA counts too, is
    a KPI that ended in 2024.
    """
    quality = _scaled(-of["N31814"])
    return _three(("U31002", "U31401", "U31904"), _scaled(-of["U31003"]), _scaled(quality))


def survey_index(questions: Sequence[FloatArray]) -> FloatArray:
    """Return RKA's index of a pupil survey that asks half of the country each period."""
    return _scaled(_mean([_scaled(_carried(answers)) for answers in questions]))


def _three(
    kpi: tuple[str, str, str], resource: FloatArray, quality: FloatArray
) -> dict[str, FloatArray]:
    efficiency = _scaled(_mean([resource, quality]))
    return dict(zip(kpi, (resource, quality, efficiency), strict=True))


def _mean(components: Sequence[FloatArray]) -> FloatArray:
    mean: FloatArray = np.mean(components, axis=0)
    return mean


def _scaled(values: FloatArray) -> FloatArray:
    scaled = np.full(values.shape, np.nan)
    for row, out in zip(values, scaled, strict=True):
        known = np.isfinite(row)
        if known.any():
            low, high = np.percentile(row[known], [2.5, 97.5])
            out[known] = np.clip(100 * (row[known] - low) / (high - low), 0, 100)
    return scaled


def _carried(values: FloatArray) -> FloatArray:
    before = np.vstack([np.full(values[:1].shape, np.nan), values[:-1]])
    return np.where(np.isfinite(values), values, before)


def _unexplained(values: FloatArray, background: Sequence[FloatArray]) -> FloatArray:
    residual = np.full(values.shape, np.nan)
    for t, row in enumerate(values):
        known = np.isfinite(row)
        causes = np.column_stack([np.ones(known.sum()), *(one[t, known] for one in background)])
        effect = np.linalg.lstsq(causes, row[known], rcond=None)[0]
        residual[t, known] = row[known] - causes @ effect
    return residual
