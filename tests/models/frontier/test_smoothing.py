import numpy as np
import pytest
from numpy.testing import assert_allclose

from models.frontier.smoothing import drawn_scores, score_bandwidth
from models.frontier.technology import FrontierError


def test_drawn_scores_keep_mean_and_spread_and_stay_on_their_side():
    score = 1 / np.random.default_rng(1).uniform(0.3, 0.95, 200)

    drawn = drawn_scores(score, score_bandwidth(score, "silverman"), draws=3000, seed=1)

    assert (drawn >= 1).all()
    assert_allclose(drawn.mean(), score.mean(), rtol=0.02)
    assert_allclose(drawn.std(), score.std(), rtol=0.05)


def test_cross_validation_finds_the_width_of_a_known_density():
    score = 1 - np.abs(np.random.default_rng(5).normal(0, 0.1, 400))

    width = score_bandwidth(score, "cross_validation")

    # 1.06 sd n^(-1/5) is best for a normal density, and that is what the scores reflect to.
    assert 0.4 < width / (1.06 * 0.1 * 800**-0.2) < 2.0


def test_drawn_scores_stay_between_0_and_1_however_wide_the_kernel():
    score = np.random.default_rng(2).uniform(0.01, 1, 100)

    drawn = drawn_scores(score, 0.4, draws=500, seed=1)

    assert ((drawn > 0) & (drawn <= 1)).all()


@pytest.mark.parametrize("is_below", [True, False])
def test_without_reflection_drawn_scores_pass_the_frontier(is_below):
    score = np.random.default_rng(3).uniform(0.6, 1, 100)
    score = score if is_below else 1 / score
    options = {"draws": 200, "seed": 1}

    folded = drawn_scores(score, 0.1, **options)
    free = drawn_scores(score, 0.1, reflection="none", **options)

    passed = free > 1 if is_below else free < 1
    assert 0.02 < passed.mean() < 0.5
    assert not (folded > 1 if is_below else folded < 1).any()
    # What does not pass is the same, and what does is folded back at 1, but for those that pass
    # it on the way and not in the end.
    assert np.mean(np.isclose(folded, np.where(passed, 2 - free, free))) > 0.8


def test_smoothing_adds_its_variance_and_the_correction_takes_it_off():
    score = np.random.default_rng(4).uniform(0.6, 1, 400)
    options = {"draws": 2000, "seed": 1, "reflection": "none"}

    spread = drawn_scores(score, 0.1, variance_correction=False, **options)
    corrected = drawn_scores(score, 0.1, variance_correction=True, **options)

    assert_allclose(spread.var(), score.var() + 0.1**2, rtol=0.01)
    assert_allclose(corrected.var(), score.var(), rtol=0.01)
    assert_allclose([spread.mean(), corrected.mean()], score.mean(), rtol=0.005)


def test_without_reflection_the_width_is_silverman_of_the_scores_themselves():
    score = np.random.default_rng(6).normal(0.6, 0.05, 300)

    width = score_bandwidth(score, "silverman", reflection="none")

    # None is on the frontier, so the rule needs no adjustment.
    quarter, three = np.quantile(score, [0.25, 0.75])
    assert_allclose(width, 0.9 * min(score.std(ddof=1), (three - quarter) / 1.34) * 300**-0.2)


def test_scores_that_do_not_differ_have_no_width():
    score = np.array([1.0, 1, 1, 0.8])

    assert score_bandwidth(score, "silverman") > 0
    with pytest.raises(FrontierError, match="1 of 4 scores are off the frontier"):
        score_bandwidth(score, "silverman", reflection="none")
