"""RKA's indices of the simulated Sweden, from the series that it publishes.

Each component is put on 0 to 100 between its percentiles 2.5 and 97.5; the mean of those who have
every component is put on 0 to 100 in the same way; the efficiency index is the mean of the
resource and the quality index, put there once more. The scaling is linear between the two
percentiles and these are interpolated linearly, which RKA's descriptions leave open.

Arrays are (n_period, n_municipality), and nan is a value that is missing.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def school_indices(published: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Return U15010, U15401 and U15900.

    Quality is the mean of what the results of year 9 have beyond their regression on N15820 and
    N15818, in place of the model values that ended in 2024, and of the pupil survey, with last
    period's answer where there was none. The survey counts once the whole country was asked.
    """
    background = [published["N15820"], published["N15818"]]
    results = [
        _scaled(_unexplained(published[kpi], background)) for kpi in ("N15505", "N15419", "N15436")
    ]
    survey = _carried(published["N15643"])
    is_surveyed = np.isfinite(survey).mean(axis=1, keepdims=True) > 0.75
    quality = np.where(is_surveyed, _mean([*results, _scaled(survey)]), _mean(results))
    resource = _scaled(-published["U15049"])
    return _three(("U15010", "U15401", "U15900"), resource, _scaled(quality))


def elderly_indices(published: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Return U20008, U20404 and U20900.

    A survey or a waiting time that is missing is last period's. Adequately trained staff, which
    RKA counts too, is not simulated.
    """
    answers = [published[kpi] for kpi in ("U21504", "U21463", "U23520", "U23470")]
    components = [*answers, -published["U23401"]]
    quality = _mean([_scaled(_carried(values)) for values in components])
    resource = _scaled(-published["N20900"])
    return _three(("U20008", "U20404", "U20900"), resource, _scaled(quality))


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
