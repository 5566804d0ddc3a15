"""A simulated Sweden with known truth, for the demo and for tests.

Codes, names and rough sizes of the municipalities are real; every other figure is drawn, and the
description of every KPI ends with "Källa: SIMULERADE DATA." Levels and spreads resemble Kolada's.
The formulas of each group of services stand in its module of `kolada.simulated`; here is what they
have in common, and the two services that most tests rest on.

**Truth.** In each service area a municipality has an efficiency e and an ambition b, independent
of each other, of the other areas and of its structure. Both vary as N(0, 1) over municipalities
and change slowly:

    slow_t   = 0.9 slow_(t-1) + sqrt(1 - 0.9^2) shock_t
    e_t, b_t = sqrt(0.8) lasting + sqrt(0.2) slow_t

Ambition buys quality at the usual price, and efficiency gives it for nothing:

    quality_level = (b + e) / sqrt(2)           standard deviations above the country
    cost_level    = spread (b - e) / sqrt(2)    per cent above the country, at equal structure

with the spread of the area in `COST_SPREAD_PCT`. So cost and quality are uncorrelated, and
e = (quality_level - cost_level / spread) / sqrt(2). A union for rescue service has one truth.

**Cost** adds the structure that a reference cost captures, and noise that falls with size:

    noise  ~ N(0, s^2), s = (15 000 / inhabitants)^(1/4)
    N20900 = cost_level + 1.15 noise
    N20048 = gross (1 + N20900 / 100) N20016 / share 80+
    U15049 = country exp((cost_level + 2 noise) / 100)
    N15060 = U15049 / U15041 + state grants
    U15041 = mean(reference) / reference

The net cost deviations of other services add a habit h ~ N(0, 5^2) of the municipality and
N(0, 1.8^2) of the year, alike in all of them: what no reference cost captures. N15001 has 0.8 of
the cost level of its area, the others all of it. Net cost, deviation in per cent and in mnkr agree
with the reference cost and the inhabitants but for rounding, and N00097 with the six net costs
that it is of.

**Results of year 9** add parents' education and foreign background, both standardised, and the
luck of a cohort of n girls or boys, 1.1 % of the inhabitants less those in other schools:

    level  = 0.75 education - 0.25 foreign + 0.6 quality_level + year + luck
    year   ~ N(0, 0.25^2), alike in the whole country
    luck   ~ N(0, 0.25^2 + 25 / n)
    N15505 = 222 + 12 level + N(0, 30^2 / n), and 14 more for girls, 14 less for boys
    shares ~ Binomial(n, logistic(base + slope level)) / n

**Surveys** of users add an item's own lasting character and the mood of the n who answered:

    shares ~ Binomial(n, logistic(base + 0.3 quality_level - 0.1 size + 0.12 own + mood)) / n
    mood   ~ N(0, 1 / n)

In the pupil survey (N15643) the weights are 0.2, 0 and 0.15, without mood. The waiting of U23401 is
48 exp(-0.25 quality_level + 0.3 own + 0.2 N(0, 1)) days.

**The citizen survey** has 0.25 quality_level, of all areas together in questions about the whole,
and nothing but the binomial as noise. From 2025 it is weighted: the logit falls by 0.12 and the
variance is 1.3 times that of N00528 answers. A published margin is 1.96 standard errors, and
`survey_truth` has what each share estimates.

T is K and M together, weighted by n. RKA's indices of six areas are computed from the published
series as RKA describes it, with three exceptions where what RKA counts has ended: U15401 and
U17401 take their own regression on N15820 and N15818 for the model value, U20404 has no trained
staff, and U31401 has the long-term share alone. Riket is the mean, weighted by inhabitants, of the
municipalities where every gender is published, for N01951 the sum; indices, flags, margins, mnkr
and most numbers of answers have none.

**Missing** is not at random. No row: a survey or a measure in which a municipality took no part,
most often the small (citizens two in three from 2021, employees, companies, users from 2018,
waiting times); the elder survey of 2021, national tests of 2020 and 2021, the pupil survey before
2022 and then every second period; upper secondary school in the 40 without their own; N13020 and
mnkr before 2019; new definitions before their first year; and the last period of what comes a year
late. U23401 has no row where nobody reported, most often those with long waits. A row that says
"Missing": too few answers or pupils, in all or of one gender, and a few costs and grades, most
often of the small.

**School units.** A municipality has (inhabitants / 6 000)^0.8 schools, at least one; its
pupils are divided among them as exp(0.6 N(0, 1)), once and for all. A school has a lasting
character c ~ N(0, 1), and of each gender n pupils in year 9:

    N15505 = municipality + 20 c + N(0, 30^2 / n)
    p      = logistic(logit(municipality) + 0.6 c)
    N15436 = p + N(0, p (1 - p) / n), in whole pupils

each shifted alike for all the schools of a municipality, so that their mean weighted by pupils is
the municipality's own value before and after the noise, but for whole pupils. Girls and boys are
hidden where either are fewer than 10, and the total where both together are. How far schools
differ is known: `unit_truth` has the variance of what is true of them, without the noise, between
the municipalities' means and within them, and the share of it that lies between (ICC).

Each table draws from a stream of its own name, so that a new KPI does not move the others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from kolada.archive import OBSERVATION_SCHEMA, OU_OBSERVATION_SCHEMA, Archive
from kolada.simulated.catalogue import (
    SIMULATED_SOURCE,
    inhabitants,
    kpi_groups,
    kpi_rows,
    municipality_groups,
    municipality_rows,
    unit_rows,
)
from kolada.simulated.model import (
    COST_SPREAD_PCT,
    BoolArray,
    Dice,
    FloatArray,
    Performance,
    Series,
    Structure,
    structure,
)
from kolada.simulated.opinion import CitizenSurvey
from kolada.simulated.services import peer_conditions, services, truths
from kolada.simulated.units import Schools, UnitResults, unit_results

__all__ = ["COST_SPREAD_PCT", "SIMULATED_SOURCE", "SimulatedSweden", "simulated_sweden"]

RIKET = "0000"


@dataclass(frozen=True, slots=True)
class SimulatedSweden:
    """A whole Kolada, and the truth that its values were drawn from.

    `truth` has a row per service_area (those of `COST_SPREAD_PCT`), municipality and period. Its
    efficiency and quality_level are in standard deviations of the municipalities, 0
    is the country and more is better; its cost_level is in per cent above the country.
    `survey_truth` has a row per kpi, municipality and period of the citizen survey that was held:
    true_pct is the per cent of both genders together that the published share estimates.
    `unit_truth` has a row per kpi and period: variance_between and variance_within of schools'
    true values, in the KPI's unit squared and weighted by pupils, and icc, the first's share.
    `unit_pupils` has a row per ou and period: n_pupil in year 9.
    """

    archive: Archive
    truth: pl.DataFrame
    survey_truth: pl.DataFrame
    unit_truth: pl.DataFrame
    unit_pupils: pl.DataFrame


def simulated_sweden(
    *, seed: int = 1489, first_period: int = 2015, last_period: int = 2025
) -> SimulatedSweden:
    """Simulate every municipality from `first_period` to `last_period`, both included.

    The same seed gives the same Sweden in every process. A later last period leaves the values
    before it as they were, and adds the one before it of what comes a year late; another first
    period does not.

    Raises
    ------
    ValueError
        If `last_period` is before `first_period`.
    """
    if last_period < first_period:
        raise ValueError(
            f"The last period, {last_period}, is before the first, {first_period}. "
            "Give a last period that is not, or neither of them."
        )
    kpi, municipality = kpi_rows(last_period), municipality_rows()
    title = {row["id"]: row["title"] for row in municipality if row["type"] == "K"}
    size = inhabitants()
    periods = range(first_period, last_period + 1)
    dice = Dice(seed, (len(periods), len(title)))

    given = structure(
        dice,
        np.array(periods, dtype=np.float64)[:, None],
        np.array([size[id_] for id_ in title], dtype=np.float64),
        np.array([int(id_[:2]) for id_ in title], dtype=np.intp),
    )
    truth = truths(dice, given)
    drawn = services(dice, given, truth)

    units = unit_rows(title)
    place = {id_: i for i, id_ in enumerate(title)}
    schools = Schools.drawn(dice, [place[row["municipality"]] for row in units], drawn.n_pupil)
    of_units = unit_results(dice, schools, drawn.results)
    archive = Archive(
        kpi=kpi,
        municipality=municipality,
        observation=_observations(drawn.series, given, periods, list(title)),
        municipality_groups=municipality_groups(
            title, peer_conditions(given, drawn.series), period=last_period
        ),
        kpi_groups=kpi_groups(kpi),
        ou=units,
        ou_observation=_unit_observations(of_units, periods, [row["id"] for row in units]),
    )
    return SimulatedSweden(
        archive=archive,
        truth=_truth(truth, periods, list(title)),
        survey_truth=_survey_truth(drawn.survey, periods, list(title)),
        unit_truth=_unit_truth(of_units, periods),
        unit_pupils=_unit_pupils(schools, periods, [row["id"] for row in units]),
    )


def _truth(
    truth: Mapping[str, Performance], periods: Sequence[int], municipality: Sequence[str]
) -> pl.DataFrame:
    return pl.concat(
        pl.DataFrame(
            {
                "service_area": [area] * (len(periods) * len(municipality)),
                "municipality": list(municipality) * len(periods),
                "period": np.repeat(np.array(periods, dtype=np.int32), len(municipality)),
                "efficiency": of.efficiency.ravel(),
                "cost_level": of.cost_level.ravel(),
                "quality_level": of.quality_level.ravel(),
            }
        )
        for area, of in truth.items()
    )


def _survey_truth(
    survey: CitizenSurvey, periods: Sequence[int], municipality: Sequence[str]
) -> pl.DataFrame:
    period_at, of_at = np.nonzero(survey.asked)
    return pl.concat(
        pl.DataFrame(
            {
                "kpi": [kpi] * len(of_at),
                "municipality": np.array(municipality, dtype=object)[of_at],
                "period": np.array(periods, dtype=np.int32)[period_at],
                "true_pct": true_pct[period_at, of_at],
            },
            schema_overrides={"municipality": pl.String},
        )
        for kpi, true_pct in survey.true_pct.items()
    )


def _observations(
    series: Mapping[str, Series],
    given: Structure,
    periods: Sequence[int],
    municipality: Sequence[str],
) -> pl.DataFrame:
    frames = []
    for kpi, one in series.items():
        known = one.asked & np.all([np.isfinite(v) for v in one.by_gender.values()], axis=0)
        weight = np.where(known, given.inhabitants, 0)
        for gender, values in one.by_gender.items():
            frames.append(_rows(kpi, gender, values, one.asked, periods, municipality))
            if one.has_riket:
                national = _national(kpi, values, weight)
                frames.append(_rows(kpi, gender, national, np.isfinite(national), periods, [RIKET]))
    return pl.concat(frames).sort("kpi", "period", "municipality", "gender")


def _national(kpi: str, values: FloatArray, weight: FloatArray) -> FloatArray:
    if kpi == "N01951":
        total: FloatArray = values.sum(axis=1, keepdims=True)
        return total
    weighted = np.where(weight > 0, values * weight, 0).sum(axis=1, keepdims=True)
    shared = weight.sum(axis=1, keepdims=True)
    mean = np.full(shared.shape, np.nan)
    np.divide(weighted, shared, out=mean, where=shared > 0)
    return mean.round(6)


def _rows(
    about: str,
    gender: str,
    values: FloatArray,
    asked: BoolArray,
    periods: Sequence[int],
    of: Sequence[str],
) -> pl.DataFrame:
    period_at, of_at = np.nonzero(asked)
    value = values[period_at, of_at]
    known = np.isfinite(value)
    return pl.DataFrame(
        {
            "kpi": pl.repeat(about, len(value), eager=True),
            "municipality": np.array(of, dtype=object)[of_at],
            "period": np.array(periods, dtype=np.int32)[period_at],
            "gender": pl.repeat(gender, len(value), eager=True),
            "count": known.astype(np.int32),
            "status": np.where(known, "", "Missing"),
            "value": value,
            "is_deleted": np.zeros(len(value), dtype=np.bool_),
            "changed": pl.repeat(None, len(value), dtype=pl.Date, eager=True),
        },
        schema=OBSERVATION_SCHEMA,
    ).with_columns(pl.col("value").fill_nan(None))


def _unit_observations(
    results: Mapping[str, UnitResults], periods: Sequence[int], units: Sequence[str]
) -> pl.DataFrame:
    return (
        pl.concat(
            _rows(kpi, gender, values, one.series.asked, periods, units)
            for kpi, one in results.items()
            for gender, values in one.series.by_gender.items()
        )
        .rename({"municipality": "ou"})
        .cast(OU_OBSERVATION_SCHEMA)
        .sort("kpi", "period", "ou", "gender")
    )


def _unit_truth(results: Mapping[str, UnitResults], periods: Sequence[int]) -> pl.DataFrame:
    return pl.concat(
        pl.DataFrame(
            {
                "kpi": [kpi] * len(periods),
                "period": pl.Series(periods, dtype=pl.Int32),
                "variance_between": one.variance_between,
                "variance_within": one.variance_within,
            }
        )
        for kpi, one in results.items()
    ).with_columns(
        icc=pl.col("variance_between") / (pl.col("variance_between") + pl.col("variance_within"))
    )


def _unit_pupils(schools: Schools, periods: Sequence[int], units: Sequence[str]) -> pl.DataFrame:
    n_pupil = schools.n_pupil["K"] + schools.n_pupil["M"]
    return pl.DataFrame(
        {
            "ou": list(units) * len(periods),
            "period": np.repeat(np.array(periods, dtype=np.int32), len(units)),
            "n_pupil": n_pupil.ravel().astype(np.int32),
        }
    )
