"""What the true levels behind a year's values may be, given how noisy the values are."""

import numpy as np

from models.panel import BoolArray, FloatArray
from models.rank.error_budget import Noise
from models.rank.yearly_noise import TINY, floored

LEAST_SIGNAL = 0.02  # of an indicator's variance; with none at all everyone would tie
VARIANCES = 50  # drawn for the noise of each value; each serves an equal part of the draws
MOST_TIMES = 5.0  # the expected variance; beyond it only the form of the law speaks


def truth_draws(
    value: FloatArray, noise: Noise, *, draws: int, generator: np.random.Generator
) -> FloatArray:
    """Draw true levels that agree with the values, given their noise.

    Empirical Bayes: the levels of all municipalities are taken to be normal around their mean,
    with the covariance of the values less that of the noise (eigenvalues below 0.02 of a
    variance raised to that). A municipality's level given its values is then normal too: its
    values shrunk towards the mean, the noisier the more. All indicators are treated together,
    because indicators of the same pupils err together, and because good schools are good in
    several: taken one by one, their mean would seem surer than it is.

    A variance that rests on few changes is itself not known: for every fiftieth of the draws
    one is drawn, as its degrees of freedom allow. With the expected one throughout, those whose
    values are noisier than they look would seem too sure.

    Parameters
    ----------
    value : array, shape (n_municipality, n_indicator)
        One year's values; NaN is missing, and stays so in every draw.
    noise : Noise
        Of the same municipalities and indicators; NaN where the value is.
    draws : int
        How many.
    generator : numpy Generator
        Where the numbers come from.

    Returns
    -------
    array, shape (draws, n_municipality, n_indicator)
        In the units of the values.

    Raises
    ------
    ValueError
        If no municipality has all indicators, so that nothing is known of how they go together.

    References
    ----------
    Efron and Morris (1975), J. Am. Stat. Assoc. 70, 311-319.
    """
    has_value = ~np.isnan(value)
    complete = has_value.all(axis=1)
    if not complete.any():
        raise ValueError("No municipality has all indicators. Draw only where some are ranked.")
    mean = np.nanmean(value, axis=0)
    spread = np.nanstd(value, axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    standard = np.where(has_value, (value - mean) / spread, 0.0)

    expected = noise.variance / spread**2
    error = _covariance(expected * noise.scale, noise.correlation)
    total = np.einsum("mi,mj->ij", standard[complete], standard[complete]) / np.sum(complete)
    signal = floored(total - error[complete].mean(axis=0), LEAST_SIGNAL)

    is_uncertain = np.isfinite(noise.degrees)
    n_part = min(draws, VARIANCES) if is_uncertain.any() else 1
    parts = []
    for part in np.array_split(np.arange(draws), n_part):
        degrees = np.where(is_uncertain, noise.degrees, 1.0)
        times = np.minimum(degrees / generator.chisquare(degrees), MOST_TIMES)
        variance = expected * np.where(is_uncertain, times, 1.0)
        centre, root = _posterior(standard, has_value, signal, variance, noise.correlation)
        normal = generator.standard_normal((part.size, *value.shape))
        parts.append(mean + spread * (centre + np.einsum("mij,dmj->dmi", root, normal)))
    return np.where(has_value, np.concatenate(parts), np.nan)


def _covariance(variance: FloatArray, correlation: FloatArray) -> FloatArray:
    sd = np.sqrt(variance)
    return np.asarray(sd[:, :, np.newaxis] * sd[:, np.newaxis, :] * correlation, dtype=np.float64)


def _posterior(
    standard: FloatArray,
    has_value: BoolArray,
    signal: FloatArray,
    variance: FloatArray,
    correlation: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Return the centre of every municipality's levels, and a root of their covariance."""
    # A missing value is one about which the noise is boundless.
    both = has_value[:, :, np.newaxis] & has_value[:, np.newaxis, :]
    unit = np.eye(signal.shape[0])
    error = np.where(both, _covariance(variance, correlation), 0.0)
    error = error + unit * np.where(has_value, TINY, 1 / TINY)[:, np.newaxis]
    gain = np.swapaxes(np.linalg.solve(signal + error, np.broadcast_to(signal, error.shape)), 1, 2)
    covariance = signal - gain @ signal
    covariance = (covariance + np.swapaxes(covariance, 1, 2)) / 2
    centre: FloatArray = np.einsum("mij,mj->mi", gain, standard)
    root = np.linalg.cholesky(covariance + TINY * unit)
    return centre, np.asarray(root, dtype=np.float64)
