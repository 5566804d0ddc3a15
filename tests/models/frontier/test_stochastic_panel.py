import json

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import norm, spearmanr

from models.frontier.composed_error import INEFFICIENCIES
from models.frontier.stochastic import stochastic_frontier
from models.frontier.stochastic_panel import inefficiency_effects, panel_frontier
from models.frontier.technology import FrontierError, FrontierWarning, Labels
from tests.models.frontier.conftest import columns
from tests.models.frontier.test_stochastic import cut_off, natural

TRUTH = {"constant": 1.0, "regressor 1": 0.5, "regressor 2": 0.3, "sigma_u": 0.4, "sigma_v": 0.2}
EFFECTS = {"mu constant": 0.2, "mu density": 0.3, "sigma_u": 0.3, "sigma_v": 0.15}


def panel(seed, n_dmu=80, n_period=5, *, eta=0.0, mu=0.0, inefficiency="half_normal", kept=0.85):
    """Return an unbalanced panel with known frontier, in the order of years, and inefficiency."""
    generator = np.random.default_rng(seed)
    period = np.repeat(np.arange(2015, 2015 + n_period), n_dmu)
    dmu = np.tile(np.arange(n_dmu), n_period)
    is_kept = generator.random(period.size) < kept
    dmu, period = dmu[is_kept], period[is_kept]
    if inefficiency == "exponential":
        u = generator.exponential(0.4, n_dmu)
    else:
        u = cut_off(generator, np.full(n_dmu, mu), 0.4)
    u = u[dmu] * np.exp(-eta * (period - period.max()))
    regressors = generator.normal(size=(dmu.size, 2))
    dependent = 1 + regressors @ [0.5, 0.3] + 0.2 * generator.normal(size=dmu.size) - u
    return dependent, regressors, {"dmu": [f"{i:04d}" for i in dmu], "period": period}, u


def fitted(dependent, regressors, **options):
    usual = {"frontier": "production", "inefficiency": "half_normal", "path": "constant"}
    return panel_frontier(dependent, regressors, **{**usual, **options})


def errors_off(found, truth):
    """Return how many standard errors each estimate is from the truth."""
    place = [found.names.index(name) for name in truth]
    return (found.estimate[place] - list(truth.values())) / found.standard_error[place]


@pytest.fixture(scope="module")
def known(shared):
    return json.loads((shared / "reference" / "R13_sfa.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def rice(given):
    """43 Philippine farms in eight years; the answers are in the order of farm, then year."""
    table = given("riceProdPhil").sort("FMERCODE", "YEARDUM")
    return (
        np.log(columns(table, "PROD")),
        np.log(columns(table, "AREA", "LABOR", "NPK")),
        columns(table, "EDYRS", "BANRAT"),
        {"dmu": table["FMERCODE"].to_list(), "period": table["YEARDUM"].to_list()},
    )


def assert_is(found, case, parameters):
    assert found.status == "optimal"
    assert_allclose(found.log_likelihood, case["logLik"], atol=1e-4, rtol=0)
    assert_allclose(found.estimate[:4], list(case["coef"].values())[:4], atol=1e-4, rtol=0)
    assert_allclose(found.efficiency, case["te"], atol=1e-5, rtol=0)
    for name, value in parameters.items():
        assert_allclose(found.value(name), value, atol=1e-4, rtol=0)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "options", "n_restriction"),
    [
        ("rice_panel_ti_halfnormal", {}, 1),
        ("rice_panel_ti_truncnormal", {"inefficiency": "truncated_normal"}, 2),
        ("rice_panel_tv_bc92_halfnormal", {"path": "decay"}, 2),
    ],
)
def test_panels_are_those_of_frontier(name, options, n_restriction, known, rice):
    case = known[f"{name} frontier 1.1-8"]
    dependent, regressors, _, rows = rice

    found = fitted(dependent, regressors, **rows, **options)

    eta = {"eta": case["coef"]["time"]} if "time" in case["coef"] else {}
    assert_is(found, case, {**dict(natural(case)), **eta})
    assert found.lr_restrictions == n_restriction
    assert_allclose(found.lr, 2 * (found.log_likelihood - found.ols_log_likelihood))
    assert found.lr_p_value < 1e-7


@pytest.mark.shared
def test_inefficiency_effects_are_those_of_frontier(known, rice):
    case = known["rice_panel_bc95 frontier 1.1-8"]
    dependent, regressors, effects, rows = rice

    found = inefficiency_effects(
        dependent, regressors, effects, **rows, frontier="production",
        effect_names=["EDYRS", "BANRAT"],
    )  # fmt: skip

    delta = {
        f"mu {name[2:].replace('(Intercept)', 'constant')}": value
        for name, value in case["coef"].items()
        if name.startswith("Z_")
    }
    assert len(delta) == 3
    assert_is(found, case, {**dict(natural(case)), **delta})
    assert found.lr_restrictions == 4
    assert found.n_reached[0] > 1


@pytest.mark.shared
def test_the_answers_that_are_tested_are_all_the_panels_there_are(known):
    assert sum("panel" in name for name in known) == 4


@pytest.mark.parametrize("inefficiency", INEFFICIENCIES)
@pytest.mark.parametrize("path", ["constant", "decay"])
def test_likelihood_and_efficiency_are_those_of_numerical_integration(inefficiency, path):
    dependent, regressors, rows, _ = panel(3, 60, 4, eta=0.1, mu=0.3, inefficiency=inefficiency)

    found = fitted(dependent, regressors, **rows, inefficiency=inefficiency, path=path)

    assert found.status == "optimal"
    sigma_u, sigma_v = found.value("sigma_u"), found.value("sigma_v")
    mu = found.value("mu") if inefficiency == "truncated_normal" else 0.0
    eta = found.value("eta") if path == "decay" else 0.0
    point, weight = np.polynomial.legendre.leggauss(600)
    u, weight = (point + 1) * 5, weight * 5
    if inefficiency == "exponential":
        weight = weight * np.exp(-u / sigma_u) / sigma_u
    else:
        weight = weight * norm.pdf(u, mu, sigma_u) / norm.cdf(mu / sigma_u)
    value, efficiency = 0.0, np.empty(len(dependent))
    for dmu in set(rows["dmu"]):
        own = np.flatnonzero(np.array(rows["dmu"]) == dmu)
        factor = np.exp(-eta * (rows["period"][own] - 2018.0))
        gap = found.residual[own] + factor * u[:, np.newaxis]
        joint = weight * norm.pdf(gap, 0, sigma_v).prod(axis=1)
        value += np.log(joint.sum())
        efficiency[own] = joint @ np.exp(-factor * u[:, np.newaxis]) / joint.sum()
    assert_allclose(found.log_likelihood, value, rtol=1e-9)
    assert_allclose(found.efficiency, efficiency, rtol=1e-8)


def test_intervals_hold_the_true_parameters_of_an_unbalanced_panel():
    truth = {**TRUTH, "eta": 0.1}

    off, correlation, is_inside = [], [], []
    for seed in range(16):
        dependent, regressors, rows, u = panel([seed, 1], eta=0.1)
        found = fitted(dependent, regressors, **rows, path="decay")
        off.append(errors_off(found, truth))
        correlation.append(spearmanr(found.efficiency, -u)[0])
        is_inside.append(((found.low <= np.exp(-u)) & (np.exp(-u) <= found.high)).mean())

    is_held = np.abs(off) < 1.96
    # 16 intervals of 95 % hold fewer than 12 with probability 0.001 for a parameter.
    assert (is_held.sum(axis=0) >= 12).all()
    assert is_held.mean() >= 0.88
    assert np.mean(correlation) > 0.9
    assert 0.88 <= np.mean(is_inside) <= 0.96


def test_intervals_hold_the_true_effects():
    off, correlation = [], []

    for seed in range(6):
        generator = np.random.default_rng([seed, 2])
        effects, regressors = generator.normal(size=400), generator.normal(size=(400, 2))
        u = cut_off(generator, 0.2 + 0.3 * effects, 0.3)
        dependent = 1 + regressors @ [0.5, 0.3] + 0.15 * generator.normal(size=400) - u
        found = inefficiency_effects(
            dependent, regressors, effects, dmu=np.repeat(range(80), 5),
            period=np.tile(range(5), 80), frontier="production", effect_names=["density"],
        )  # fmt: skip
        off.append(errors_off(found, EFFECTS))
        correlation.append(spearmanr(found.efficiency, -u)[0])

    # 6 intervals of 95 % hold fewer than 4 with probability 0.002 for a parameter.
    assert ((np.abs(off) < 1.96).sum(axis=0) >= 4).all()
    assert np.mean(correlation) > 0.8


def test_periods_tell_more_than_one_cross_section():
    dependent, regressors, rows, u = panel(5, kept=1.0)
    is_last = rows["period"] == 2019

    together = fitted(dependent, regressors, **rows)
    alone = stochastic_frontier(
        dependent[is_last], regressors[is_last], frontier="production", inefficiency="half_normal"
    )

    near = spearmanr(together.efficiency[is_last], -u[is_last])[0]
    assert near > spearmanr(alone.efficiency, -u[is_last])[0] + 0.05


def test_efficiency_stays_or_moves_with_the_sign_of_eta():
    dependent, regressors, rows, _ = panel(4, eta=0.15, kept=1.0)

    constant = fitted(dependent, regressors, **rows).efficiency.reshape(5, 80)
    found = fitted(dependent, regressors, **rows, path="decay")

    assert_allclose(constant, np.broadcast_to(constant[0], (5, 80)))
    assert found.value("eta") > 0
    by_year = found.efficiency.reshape(5, 80)
    assert (np.diff(by_year, axis=0) > 0).all()
    # One rate for all: ranks are the same in every year.
    assert (np.argsort(by_year, axis=1) == np.argsort(by_year[0])).all()


def test_where_each_dmu_is_seen_once_but_one_the_panel_is_a_cross_section():
    dependent, regressors, rows, _ = panel(6, 100, 1, kept=1.0)
    more = {"dmu": [*rows["dmu"], "far", "far"], "period": [*rows["period"], 2015, 2016]}
    twice = np.append(dependent, [0.9, 1.1]), np.vstack([regressors, [[0.1, 0.0], [0.0, 0.2]]])

    found = fitted(*twice, **more)
    other = stochastic_frontier(*twice, frontier="production", inefficiency="half_normal")

    # 102 rows with 101 inefficiencies: not the same, and nearly.
    assert_allclose(found.estimate, other.estimate, rtol=0.1)
    assert found.efficiency[-1] == found.efficiency[-2]


@pytest.mark.parametrize("path", ["constant", "decay"])
def test_neither_order_nor_units_nor_the_names_of_years_matter(path):
    dependent, regressors, rows, _ = panel(7, eta=0.05)
    order = np.random.default_rng(7).permutation(len(dependent))

    base = fitted(dependent, regressors, **rows, path=path)
    other = fitted(
        dependent[order] + 3,
        regressors[order] * [100.0, 1.0] + [0.0, 8.0],
        dmu=[f"DMU {rows['dmu'][i]}" for i in order],
        period=rows["period"][order] - 2000,
        path=path,
    )

    assert_allclose(other.log_likelihood, base.log_likelihood, atol=1e-7)
    assert_allclose(other.efficiency, base.efficiency[order], atol=1e-6)
    assert_allclose(other.estimate[3:], base.estimate[3:], atol=1e-5)
    assert_allclose(other.value("regressor 1") * 100, base.value("regressor 1"), atol=1e-6)


def test_a_period_counts_by_how_long_it_is():
    dependent, regressors, rows, _ = panel(8, eta=0.1)

    yearly = fitted(dependent, regressors, **rows, path="decay")
    monthly = fitted(dependent, regressors, dmu=rows["dmu"], period=rows["period"] * 12,
                     path="decay")  # fmt: skip

    assert_allclose(monthly.value("eta") * 12, yearly.value("eta"), rtol=1e-6)
    assert_allclose(monthly.efficiency, yearly.efficiency, atol=1e-7)


def test_a_cost_panel_is_a_production_panel_with_the_sign_turned():
    dependent, regressors, rows, _ = panel(9, eta=0.1)

    production = fitted(dependent, regressors, **rows, path="decay")
    cost = fitted(-dependent, -regressors, **rows, path="decay", frontier="cost")

    assert_allclose(cost.efficiency, production.efficiency, atol=1e-9)
    assert_allclose(cost.value("eta"), production.value("eta"), atol=1e-9)


def test_effects_without_periods_are_those_of_a_cross_section():
    dependent, regressors, rows, _ = panel(10, 60, 4, mu=0.3)
    effects = np.random.default_rng(10).normal(size=len(dependent))

    found = inefficiency_effects(dependent, regressors, effects, **rows, frontier="production")
    other = stochastic_frontier(
        dependent, regressors, effects=effects, frontier="production",
        inefficiency="truncated_normal",
    )  # fmt: skip

    assert found.names == other.names
    assert_allclose(found.estimate, other.estimate)


def test_a_panel_without_inefficiency_says_so():
    generator = np.random.default_rng(3)
    regressors, dmu = generator.normal(size=(300, 1)), np.repeat(np.arange(60), 5)
    noise = generator.normal(size=(60, 5))
    noise -= 1.1 * noise.mean(axis=1, keepdims=True)  # DMUs differ less than luck alone would do

    with pytest.warns(FrontierWarning) as said:
        found = fitted(
            noise.ravel() + regressors[:, 0], regressors, dmu=dmu, period=np.tile(range(5), 60)
        )

    assert any("largest without inefficiency" in str(each.message) for each in said)
    assert found.status == "no_inefficiency"
    assert found.lr_p_value == 1
    assert (found.efficiency == 1).all()


def test_a_truncated_normal_that_eats_the_trend_of_time_says_so():
    # Of a large inefficiency that hardly fades, what fades is a trend that all share.
    dependent, regressors, rows, _ = panel(
        3, 40, 4, eta=0.1, mu=0.3, inefficiency="truncated_normal"
    )

    with pytest.warns(FrontierWarning, match="A parameter ran away"):
        found = fitted(dependent, regressors, **rows, inefficiency="truncated_normal", path="decay")

    assert found.status == "at_limit"
    assert found.efficiency.max() < 0.01
    assert np.isnan(found.standard_error).all()


def test_two_rows_of_one_period_are_refused_by_name():
    dependent, regressors, rows, _ = panel(1, 20, 3, kept=1.0)
    rows["period"][25] = 2015

    with pytest.raises(FrontierError, match=r"several rows of 0005 in 2015\. Give one row"):
        fitted(dependent, regressors, **rows)
    with pytest.raises(FrontierError, match=r"several rows of 0005 in 2015\. Give one row"):
        inefficiency_effects(
            dependent, regressors, np.arange(60.0) ** 2, **rows, frontier="production"
        )


def test_a_value_that_is_no_number_is_refused_by_dmu_year_and_column():
    dependent, regressors, rows, _ = panel(1, 20, 3, kept=1.0)
    regressors[25, 1] = np.nan

    with pytest.raises(FrontierError, match="0005 in 2016 has staff = nan"):
        fitted(dependent, regressors, **rows, labels=Labels(inputs=["rooms", "staff"]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"path": "growth"}, "Unknown path 'growth'"),
        ({"period": [2015.5] * 60}, "A period is no whole number"),
        ({"period": [2015] * 59}, "60 DMUs and 59 periods"),
        ({"dmu": range(60)}, "No DMU has two periods"),
        ({"frontier": "profit"}, "Unknown frontier 'profit'"),
    ],
)
def test_choices_and_rows_that_do_not_fit_are_refused(options, message):
    dependent, regressors, rows, _ = panel(1, 20, 3, kept=1.0)

    with pytest.raises(FrontierError, match=message):
        fitted(dependent, regressors, **{**rows, **options})
