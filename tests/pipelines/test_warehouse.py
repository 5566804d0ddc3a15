"""The SQL models on a handful of rows that can be checked by hand."""

import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import polars as pl
import pytest

from pipelines.warehouse import (
    Warehouse,
    WarehouseError,
    select_of,
    sql_tables,
    tables_read_by,
)

MAY, JUNE, SEPTEMBER = (datetime(2026, month, 1, tzinfo=UTC) for month in (5, 6, 9))


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(tmp_path / "warehouse.duckdb")


def observations(*rows: tuple[object, ...]) -> pl.DataFrame:
    """Versions of values: kpi, municipality, period, value, retrieved_at, is_deleted, status."""
    return pl.DataFrame(
        [
            {
                "kpi": kpi, "municipality": municipality, "period": period, "gender": "T",
                "value": value, "count": 1, "status": status, "is_deleted": is_deleted,
                "retrieved_at": retrieved_at, "answer": "0" * 64,
            }
            for kpi, municipality, period, value, retrieved_at, is_deleted, status in rows
        ],
        schema_overrides={"value": pl.Float64, "period": pl.Int32},
        orient="row",
    )  # fmt: skip


def retrieve(warehouse: Warehouse, rows: pl.DataFrame) -> None:
    warehouse.append("raw.observation", rows, position=(1, "a"))


def known_at(warehouse: Warehouse, moment: datetime) -> None:
    warehouse.write("staging.indicator", pl.DataFrame({"kpi": ["N1", "N2"]}))
    warehouse.write("staging.needed_kpi", pl.DataFrame({"kpi": ["N1", "N2"]}))
    warehouse.write("staging.as_of", pl.DataFrame({"as_of": [moment]}))
    warehouse.build("staging.observation_state")


def test_a_value_that_kolada_withdrew_does_not_come_back(warehouse: Warehouse):
    retrieve(
        warehouse,
        observations(
            ("N1", "1489", 2025, 118.0, MAY, False, ""),
            ("N1", "1489", 2025, 118.4, SEPTEMBER, True, ""),
        ),
    )
    known_at(warehouse, SEPTEMBER)

    assert warehouse.build("staging.observation") == 0


def test_a_value_is_the_one_that_was_known_at_the_moment_asked_for(warehouse: Warehouse):
    retrieve(
        warehouse,
        observations(
            ("N1", "1489", 2025, 118.0, MAY, False, ""),
            ("N1", "1489", 2025, 121.0, SEPTEMBER, False, ""),
        ),
    )

    known_at(warehouse, JUNE)
    warehouse.build("staging.observation")

    assert warehouse.read("staging.observation")["value"].to_list() == [118.0]


@pytest.mark.parametrize(("value", "status"), [(None, "Missing"), (None, ""), (3.0, "Secret")])
def test_null_or_any_status_is_no_value(warehouse: Warehouse, value: float | None, status: str):
    retrieve(warehouse, observations(("N1", "1489", 2025, value, MAY, False, status)))
    known_at(warehouse, SEPTEMBER)

    assert warehouse.read("staging.observation_state")["state"].to_list() == ["missing"]
    assert warehouse.build("staging.observation") == 0


def panel(
    warehouse: Warehouse,
    *rows: tuple[object, ...],
    publication_date: datetime | None = None,
    with_gap: bool = False,
) -> pl.DataFrame:
    """The panel of one area with a cost N1 and a quality N2 that may be a year old.

    With a gap there is a third indicator: the cost relative to the quality, -100 to 50 %.
    """
    retrieve(warehouse, observations(*rows))
    known_at(warehouse, SEPTEMBER)
    warehouse.build("staging.observation")
    warehouse.write(
        "staging.kpi",
        pl.DataFrame(
            {
                "kpi": ["N1", "N2"],
                "publ_period": [2025, 2025],
                "publication_date": [publication_date] * 2,
            },
            schema_overrides={"publication_date": pl.Date},
        ),
    )
    names = {"1489": "Alingsås", "0180": "Stockholm"}
    warehouse.write(
        "staging.municipality",
        pl.DataFrame({"municipality": list(names), "title": list(names.values())}),
    )
    warehouse.write(
        "staging.service_area",
        pl.DataFrame(
            {"service_area": ["school"], "first_period": [2024], "last_period": [None]},
            schema_overrides={"last_period": pl.Int32},
        ),
    )
    indicators = pl.DataFrame(
        {
            "service_area": ["school"] * 3, "indicator": ["cost", "quality", "gap"],
            "kpi": ["N1", "N2", None], "role": ["cost", "quality", "cost"],
            "direction": ["lower", "higher", "lower"], "weight": [1.0] * 3,
            "carry_forward": [0, 1, 0], "first_period": [2024] * 3,
            "plausible_min": [10.0, None, -100], "plausible_max": [1000.0, None, 50],
        }
    )  # fmt: skip
    warehouse.write("staging.indicator", indicators.head(3 if with_gap else 2))
    terms = pl.DataFrame(
        {
            "service_area": ["school"] * 2, "indicator": ["gap"] * 2, "term": ["cost", "quality"],
            "is_reference": [False, True],
        }
    )  # fmt: skip
    warehouse.write("staging.formula", terms.head(2 if with_gap else 0))
    warehouse.build("mart.panel")
    return warehouse.read("mart.panel")


def settled(warehouse: Warehouse, moment: datetime, *rows: tuple[object, ...]) -> list[tuple]:
    """Build `mart.settled_value`: in May 2025 is preliminary until the 15th of June."""
    dates = {MAY: "2026-06-15", SEPTEMBER: "2027-06-15"}
    catalogue = pl.DataFrame(
        [
            {"kpi": "N1", "publ_period": period, "publication_date": date, "retrieved_at": read}
            for (read, date), period in zip(dates.items(), ("2025", "2026"), strict=True)
        ]
    ).with_columns(pl.col("publication_date").str.to_date())
    warehouse.write("raw.kpi", catalogue)
    now = catalogue.filter(pl.col("retrieved_at") <= moment).tail(1)
    warehouse.write("staging.kpi", now.with_columns(pl.col("publ_period").cast(pl.Int32)))
    retrieve(warehouse, observations(*rows))
    known_at(warehouse, moment)
    warehouse.build("staging.observation")
    warehouse.build("mart.settled_value")
    return warehouse.read("mart.settled_value").rows()


REVISED: Sequence[tuple[object, ...]] = [
    ("N1", "1489", 2025, 100.0, MAY, False, ""),
    ("N1", "1489", 2025, 104.0, SEPTEMBER, False, ""),
    ("N1", "0180", 2025, 50.0, MAY, False, ""),
    ("N1", "0180", 2024, 70.0, MAY, False, ""),
]


def test_a_value_that_has_settled_stands_beside_what_it_was_while_preliminary(warehouse: Warehouse):
    # 2024 was final in May; what did not change has settled at what it was.
    assert settled(warehouse, SEPTEMBER, *REVISED) == [
        ("N1", "0180", 2025, 50.0, 50.0),
        ("N1", "1489", 2025, 100.0, 104.0),
    ]


def test_what_is_still_preliminary_has_not_settled(warehouse: Warehouse):
    assert settled(warehouse, JUNE, *REVISED) == []


def test_a_value_that_was_withdrawn_has_settled_at_nothing(warehouse: Warehouse):
    gone = ("N1", "1489", 2025, 100.0, SEPTEMBER, True, "")

    assert settled(warehouse, SEPTEMBER, REVISED[0], gone) == []


def test_an_equation_that_does_not_hold_is_broken_and_one_that_lacks_a_term_is_not_judged(
    warehouse: Warehouse,
):
    retrieve(
        warehouse,
        observations(
            ("N1", "1489", 2024, 110.0, MAY, False, ""),  # net by a reference of 100: 10 %
            ("N2", "1489", 2024, 100.0, MAY, False, ""),
            ("N3", "1489", 2024, 10.1, MAY, False, ""),
            ("N1", "0180", 2024, 90.0, MAY, False, ""),
            ("N2", "0180", 2024, 100.0, MAY, False, ""),
            ("N3", "0180", 2024, 10.0, MAY, False, ""),  # the sign is wrong
            ("N1", "1489", 2025, 110.0, MAY, False, ""),
            ("N3", "1489", 2025, 10.0, MAY, False, ""),  # no reference
            ("N4", "1489", 2024, 50000.0, MAY, False, ""),
            ("N5", "1489", 2024, 0.5, MAY, False, ""),  # 10 kr for each of 50 000: 0.5 mnkr
        ),
    )
    warehouse.write("staging.needed_kpi", pl.DataFrame({"kpi": ["N1", "N2", "N3", "N4", "N5"]}))
    warehouse.write("staging.as_of", pl.DataFrame({"as_of": [SEPTEMBER]}))
    warehouse.build("staging.observation_state")
    warehouse.build("staging.observation")
    warehouse.write("staging.municipality", pl.DataFrame({"municipality": ["1489", "0180"]}))
    terms = [
        ("pct", "percent", 0.15, "published", "N3"), ("pct", "percent", 0.15, "net", "N1"),
        ("pct", "percent", 0.15, "reference", "N2"),
        ("mnkr", "million_kronor", 0.1, "published", "N5"),
        ("mnkr", "million_kronor", 0.1, "net", "N1"),
        ("mnkr", "million_kronor", 0.1, "reference", "N2"),
        ("mnkr", "million_kronor", 0.1, "inhabitants", "N4"),
    ]  # fmt: skip
    columns = ["identity", "form", "tolerance", "part", "kpi"]
    warehouse.write("staging.identity_term", pl.DataFrame(terms, schema=columns, orient="row"))

    warehouse.build("mart.identity_check")

    rows = warehouse.read("mart.identity_check").sort("identity", "municipality")
    assert rows.select("identity", "municipality", "period", "is_broken").rows() == [
        ("mnkr", "1489", 2024, False),
        ("pct", "0180", 2024, True),
        ("pct", "1489", 2024, False),
    ]
    assert rows["computed"].round(9).to_list() == [0.5, -10.0, 10.0]
    assert rows["difference"].round(9).to_list() == [0.0, 20.0, 0.1]


def cell(rows: pl.DataFrame, municipality: str, indicator: str, period: int) -> dict[str, object]:
    return rows.row(
        by_predicate=(pl.col("municipality") == municipality)
        & (pl.col("indicator") == indicator)
        & (pl.col("period") == period),
        named=True,
    )


BOTH_YEARS: Sequence[tuple[object, ...]] = [
    ("N1", "1489", 2024, 100.0, MAY, False, ""),
    ("N1", "1489", 2025, 110.0, MAY, False, ""),
    ("N2", "1489", 2024, 80.0, MAY, False, ""),
    ("N2", "0180", 2025, 90.0, MAY, False, ""),
]


def test_a_computed_indicator_is_a_sum_relative_to_its_reference(warehouse: Warehouse):
    rows = panel(warehouse, *BOTH_YEARS, with_gap=True)

    assert rows.height == 2 * 2 * 3
    of_2024 = cell(rows, "1489", "gap", 2024)
    assert (of_2024["value"], of_2024["kpi"], of_2024["reason"]) == (25.0, None, None)
    # The quality of 2025 is that of 2024, and so is what is computed from it.
    of_2025 = cell(rows, "1489", "gap", 2025)
    assert (of_2025["value"], of_2025["value_period"], of_2025["is_carried"]) == (37.5, 2024, True)


def test_what_lacks_a_part_is_missing_for_the_parts_reason_and_what_is_strange_is_set_aside(
    warehouse: Warehouse,
):
    strange = ("N1", "0180", 2025, 140.0, MAY, False, "")
    rows = panel(warehouse, *BOTH_YEARS, strange, with_gap=True)

    lacking = cell(rows, "0180", "gap", 2024)
    assert (lacking["value"], lacking["reason"]) == (None, "no_row")
    beyond = cell(rows, "0180", "gap", 2025)  # 140 by 90 is 56 % above
    assert (beyond["value"], beyond["reason"], beyond["value_period"]) == (
        None,
        "implausible",
        None,
    )


def test_the_panel_has_every_municipality_and_indicator_in_every_year(warehouse: Warehouse):
    rows = panel(warehouse, *BOTH_YEARS)

    assert rows.height == 2 * 2 * 2
    assert (rows["value"].is_null() == rows["reason"].is_not_null()).all()


def test_a_value_is_carried_forward_one_year_where_its_indicator_allows_it(warehouse: Warehouse):
    rows = panel(warehouse, *BOTH_YEARS)

    carried = cell(rows, "1489", "quality", 2025)
    assert (carried["value"], carried["value_period"], carried["is_carried"]) == (80.0, 2024, True)


def test_a_value_is_not_carried_where_its_indicator_does_not_allow_it(warehouse: Warehouse):
    rows = panel(warehouse, *BOTH_YEARS[:1], *BOTH_YEARS[2:])

    assert cell(rows, "1489", "cost", 2025)["value"] is None
    assert cell(rows, "1489", "cost", 2025)["reason"] == "not_published"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (("N1", "0180", 2025, None, MAY, False, "Missing"), "missing"),
        (("N1", "0180", 2025, 5.0, MAY, True, ""), "withdrawn"),
        (("N1", "0180", 2025, 5000.0, MAY, False, ""), "implausible"),
        (("N1", "0180", 2023, 100.0, MAY, False, ""), "no_row"),
    ],
)
def test_what_is_left_out_is_set_aside_with_its_reason(
    warehouse: Warehouse, row: tuple[object, ...], reason: str
):
    panel(warehouse, *BOTH_YEARS, row)

    warehouse.build("mart.set_aside")

    aside = warehouse.read("mart.set_aside")
    assert cell(aside, "0180", "cost", 2025)["reason"] == reason


def test_a_year_whose_publication_is_ahead_is_preliminary(warehouse: Warehouse):
    ahead = panel(warehouse, *BOTH_YEARS, publication_date=datetime(2026, 9, 30))
    past = panel(warehouse, *BOTH_YEARS, publication_date=datetime(2026, 8, 28))

    assert cell(ahead, "1489", "cost", 2025)["is_preliminary"] is True
    assert cell(ahead, "1489", "cost", 2024)["is_preliminary"] is False
    assert cell(past, "1489", "cost", 2025)["is_preliminary"] is False


def test_peers_are_read_from_the_newest_group_and_never_hold_the_municipality_itself(
    warehouse: Warehouse,
):
    names = {"1489": "Alingsås", "0180": "Stockholm", "1480": "Göteborg"}
    warehouse.write(
        "staging.municipality",
        pl.DataFrame({"municipality": list(names), "title": list(names.values())}),
    )
    warehouse.write(
        "staging.municipality_group",
        pl.DataFrame(
            {
                "municipality_group": ["G1", "G2", "G3", "G4"],
                "title": [
                    "Liknande kommuner grundskola, Alingsås, 2023",
                    "Liknande kommuner grundskola, Alingsås, 2024",
                    "Liknande kommuner, övergripande, Alingsås, 2025",
                    "Fyrkommunsnätverket (ovägt medel)",
                ],
                "members": [["0180"], ["1480", "1489"], ["0180", "9999"], ["0180"]],
            }
        ),
    )

    warehouse.build("staging.peer")

    assert warehouse.read("staging.peer").rows() == [
        ("grundskola", "1489", "1480", 2024),
        ("övergripande", "1489", "0180", 2025),
    ]


def test_the_dependencies_of_a_table_are_those_its_select_names():
    assert tables_read_by(
        "with a as (select * from raw.kpi) select * from a join staging.peer using (x) "
        "where y in (select y from mart.panel)"
    ) == {"raw.kpi", "staging.peer", "mart.panel"}


@pytest.mark.parametrize("table", sql_tables())
def test_every_select_says_what_it_makes_and_in_which_grain(table: str):
    lines = select_of(table).splitlines()

    assert lines[0].startswith(f"-- {table}: ")
    assert any(line.startswith("-- Grain: ") for line in lines[:3])


def test_a_warehouse_open_elsewhere_is_said_to_be_in_use(warehouse: Warehouse):
    holder = subprocess.Popen(
        [
            sys.executable, "-c",
            f"import duckdb; c = duckdb.connect({str(warehouse.path)!r}); print('open', flush=True)"
            "; input()",
        ],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert holder.stdout is not None
    assert holder.stdout.readline() == "open\n"

    with pytest.raises(WarehouseError, match="is in use by another process"):
        warehouse.exists("raw.kpi")

    holder.communicate("\n")


def test_rows_and_the_place_in_the_ledger_are_written_both_or_neither(warehouse: Warehouse):
    retrieve(warehouse, observations(("N1", "1489", 2025, 118.0, MAY, False, "")))

    with pytest.raises(duckdb.Error):
        warehouse.append("raw.observation", pl.DataFrame({"other": [1]}), position=(2, "b"))

    assert warehouse.position("raw.observation") == (1, "a")
    assert warehouse.read("raw.observation").height == 1


def test_what_was_known_at_any_moment_can_be_asked(warehouse: Warehouse):
    retrieve(
        warehouse,
        observations(
            ("N1", "1489", 2025, 118.0, MAY, False, ""),
            ("N2", "1489", 2025, 3.0, MAY, False, ""),
            ("N1", "1489", 2025, 121.0, SEPTEMBER, False, ""),
        ),
    )

    def values(moment: datetime, kpis: str = "null") -> list[float]:
        asked = f"as_of.observation('{moment.isoformat()}'::timestamptz, kpis := {kpis})"
        return warehouse.query(f"select value from {asked} order by kpi")["value"].to_list()

    assert values(MAY) == values(JUNE) == [118.0, 3.0]
    assert values(SEPTEMBER) == [121.0, 3.0]
    assert values(SEPTEMBER, "['N1']") == [121.0]


def test_the_log_of_revisions_counts_known_values_that_changed_or_went(warehouse: Warehouse):
    retrieve(
        warehouse,
        observations(
            ("N1", "1489", 2025, 118.0, MAY, False, ""),
            ("N1", "1489", 2025, 121.0, JUNE, False, ""),  # another
            ("N1", "0180", 2025, 90.0, MAY, False, ""),
            ("N1", "0180", 2025, None, JUNE, True, ""),  # gone
            ("N1", "0114", 2025, None, MAY, False, "Missing"),
            ("N1", "0114", 2025, 70.0, JUNE, False, ""),  # came late: nothing known had changed
            ("N1", "0000", 2025, 1.0, MAY, False, ""),
            ("N1", "0000", 2025, 2.0, JUNE, False, ""),  # the country is no municipality
            ("N3", "1489", 2025, 1.0, MAY, False, ""),
            ("N3", "1489", 2025, 2.0, JUNE, False, ""),  # no definition needs it
            ("N2", "1489", 2025, 5.0, MAY, False, ""),
            ("N2", "1489", 2025, 6.0, SEPTEMBER, False, ""),
        ),
    )
    warehouse.write(
        "staging.municipality", pl.DataFrame({"municipality": ["0114", "0180", "1489"]})
    )

    known_at(warehouse, JUNE)
    warehouse.build("mart.revision_log")

    assert warehouse.read("mart.revision_log").rows() == [("N1", 2025, JUNE.date(), 1, 1, 3.0)]


def beside(warehouse: Warehouse, values: dict[str, float | None]) -> dict[str, object]:
    """The row of 1489 beside seven peers of the values given, in one area, year and indicator."""
    names = ["1489", *values]
    warehouse.write(
        "mart.panel",
        pl.DataFrame(
            {
                "service_area": "a", "period": 2025, "municipality": names, "indicator": "cost",
                "kpi": "N1", "value": [10.0, *values.values()], "value_period": 2025,
                "is_carried": False, "is_preliminary": False,
            },
            schema_overrides={"value": pl.Float64},
        ),
    )  # fmt: skip
    warehouse.write(
        "staging.service_area", pl.DataFrame({"service_area": ["a"], "peer_group": ["g"]})
    )
    warehouse.write(
        "staging.peer",
        pl.DataFrame({"peer_group": "g", "municipality": "1489", "peer": list(values)}),
    )
    warehouse.build("mart.peer_value")
    return warehouse.read("mart.peer_value").filter(municipality="1489").row(0, named=True)


def test_a_value_stands_beside_the_peers_of_the_municipality(warehouse: Warehouse):
    row = beside(warehouse, {"0001": 1.0, "0002": 2.0, "0003": 4.0, "0004": 8.0, "0005": None})

    assert (row["n_peer"], row["n_peer_value"]) == (5, 4)
    assert [row[f"peer_{name}"] for name in ("low", "lower_quartile", "median", "high")] == [
        1.0, 1.75, 3.0, 8.0,
    ]  # fmt: skip


def test_fewer_than_five_with_the_municipality_itself_show_nothing_of_the_peers(
    warehouse: Warehouse,
):
    row = beside(warehouse, {"0001": 1.0, "0002": 2.0, "0003": 4.0, "0004": None})

    assert row["n_peer_value"] == 3
    assert row["value"] == 10.0
    assert row["peer_median"] is None
