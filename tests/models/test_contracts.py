"""What the tables' contracts let through, and what they do not."""

import numpy as np
import polars as pl
import pytest
from pandera.errors import SchemaErrors

from models.contracts.index import Efficiency, Index, IndicatorScore, Panel
from models.contracts.uncertainty import RankInterval
from models.rank.uncertainty import rank_probabilities
from models.score.index import score_panel


@pytest.fixture(scope="module")
def area(area_of):
    return area_of(n_quality=2)


@pytest.fixture(scope="module")
def panel(area, panel_of):
    values = np.random.default_rng(1).normal(size=(5, 8, 3))
    values[0, 0, 0] = np.nan
    is_carried = np.zeros(values.shape, dtype=bool)
    is_carried[4, :, 1] = True
    return panel_of(area, values, is_carried=is_carried)


@pytest.fixture(scope="module")
def index(area, panel):
    return score_panel(panel, [area]).index


@pytest.fixture(scope="module")
def efficiency(index):
    return index.with_columns(municipality_title=pl.lit("Ale"), peer_mean=pl.lit(50.0))


@pytest.fixture(scope="module")
def interval(area, panel):
    return rank_probabilities(panel, [area], draws=20).interval


def first(frame, **changed):
    """The frame with other values in its first row, of the same types."""
    schema = frame.schema
    row = frame.row(0, named=True) | changed
    return pl.concat([pl.DataFrame([row], schema=schema), frame.slice(1)])


def refused(contract, frame):
    with pytest.raises(SchemaErrors) as error:
        contract.validate(frame, lazy=True)
    return str(error.value)


def test_the_methods_keep_their_own_contracts(area, panel, index, efficiency, interval):
    Panel.validate(panel, lazy=True)
    Index.validate(index, lazy=True)
    Efficiency.validate(efficiency, lazy=True)
    RankInterval.validate(interval, lazy=True)
    IndicatorScore.validate(score_panel(panel, [area]).indicator_score, lazy=True)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_is_none_is_refused_everywhere(panel, index, efficiency, number):
    ranked = index.filter(status="ranked")

    assert "NaN or infinite" in refused(Panel, first(panel.drop_nulls("value"), value=number))
    assert "NaN or infinite" in refused(Index, first(ranked, efficiency_score=number))
    assert "NaN or infinite" in refused(Efficiency, first(efficiency, peer_mean=number))


def test_a_lazy_frame_is_refused_because_no_value_would_be_checked(panel):
    with pytest.raises(TypeError, match="Panel was given a LazyFrame"):
        Panel.validate(panel.lazy(), lazy=True)


def test_nothing_is_coerced_and_nothing_added(panel):
    wrong_type = panel.with_columns(pl.col("period").cast(pl.Int64))

    assert "Int32, got Int64" in refused(Panel, wrong_type)
    assert "column 'extra'" in refused(Panel, panel.with_columns(extra=1))
    assert "'reason'" in refused(Panel, panel.drop("reason"))


def test_a_key_occurs_once(panel, index, interval):
    for contract, frame in ((Panel, panel), (Index, index), (RankInterval, interval)):
        assert "not unique" in refused(contract, pl.concat([frame, frame.head(1)]))


def test_an_empty_table_is_refused_where_it_can_only_be_a_failure(panel, index, interval):
    assert "table is empty" in refused(Panel, panel.clear())
    assert "table is empty" in refused(Index, index.clear())
    RankInterval.validate(interval.clear(), lazy=True)  # nobody was ranked


def test_a_panel_has_a_value_or_a_reason(panel):
    with_value = panel.drop_nulls("value")

    assert "either a value" in refused(Panel, first(with_value, value=None))
    assert "either a value" in refused(Panel, first(with_value, reason="withdrawn"))
    assert "either a value" in refused(Panel, first(with_value, value_period=None))


def test_a_panel_marks_what_is_carried(panel):
    carried = panel.filter("is_carried")

    assert "is_carried" in refused(Panel, first(carried, is_carried=False))
    assert "is_carried" in refused(Panel, first(carried, value_period=2019))
    assert "is_carried" in refused(Panel, first(carried, is_carried=False, value_period=2020))


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("municipality", "180"),
        ("kpi", "15505"),
        ("role", "input"),
        ("direction", "up"),
        ("weight", 0.0),
        ("period", 18),
    ],
)
def test_a_panel_speaks_the_projects_words(panel, column, value):
    assert column in refused(Panel, first(panel, **{column: value}))


def test_a_rank_is_there_exactly_when_someone_is_ranked(efficiency):
    ranked = efficiency.filter(status="ranked")
    others = efficiency.filter(pl.col("status") != "ranked")

    assert others.height == 1
    assert "exactly when" in refused(Efficiency, first(ranked, efficiency_rank=None))
    assert "exactly when" in refused(Efficiency, first(others, efficiency_rank=1))
    assert "exactly when" in refused(Efficiency, first(ranked, efficiency_rank=9))
    assert "all four numbers" in refused(Efficiency, first(ranked, rka_index=None))


def test_scores_are_from_0_to_100(efficiency):
    assert "efficiency_score" in refused(Efficiency, first(efficiency, efficiency_score=100.1))
    assert "peer_mean" in refused(Efficiency, first(efficiency, peer_mean=-0.1))
    assert "status" in refused(Efficiency, first(efficiency, status="unknown"))


def test_an_interval_is_whole_and_in_order_or_not_there(interval):
    nothing = dict.fromkeys(interval.columns[3:])

    RankInterval.validate(first(interval, **nothing), lazy=True)
    assert "whole" in refused(RankInterval, first(interval, p_first=None))
    assert "whole" in refused(RankInterval, first(interval, rank_low=5, rank_high=4))
    assert "p_top10" in refused(RankInterval, first(interval, p_top10=1.1))


def test_all_failures_are_reported_at_once(efficiency):
    message = refused(
        Efficiency, first(efficiency, peer_mean=-1.0, municipality="1", status="unknown")
    )

    assert all(column in message for column in ("peer_mean", "municipality", "status"))
