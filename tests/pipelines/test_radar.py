"""The radar on a handful of rows that can be checked by hand: what counts as a change of what."""

from collections.abc import Sequence
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest

from kolada.history import KPI, MUNICIPALITY, MUNICIPALITY_GROUP, OBSERVATION, RawTable, empty
from models.contracts.change import DefinitionChange, RankChange, Revision
from pipelines.publish.release import publish
from pipelines.radar.content import Comparison, Content, radar_content
from pipelines.radar.made import newest_until
from pipelines.radar.ranks import MOST_RELEASES, SCHEMA, published_before, rank_changes
from pipelines.radar.words import text_change, value_change, years
from pipelines.resources import SettingsError, materiality_of
from pipelines.warehouse import Warehouse

FIRST, NIGHT, LATER = (datetime(2026, 11, day, 2, tzinfo=UTC) for day in (20, 22, 23))
NAMES = {"1489": "Alingsås", "0180": "Stockholm", "1480": "Göteborg", "1440": "Ale"}
HOSTILE = '<script>alert("1")</script>'
FORMULA = '=HYPERLINK("http://example.org")'


def frame(table: RawTable, *rows: dict[str, object]) -> pl.DataFrame:
    """Raw rows, read in FIRST where they do not say otherwise."""
    schema = empty(table).schema
    usual = {"is_deleted": False, "retrieved_at": FIRST, "answer": "0" * 64, "gender": "T",
             "count": 1, "status": "", "description": "Källa: SCB.", "is_divided_by_gender": False,
             "has_ou_data": False, "type": "K"}  # fmt: skip
    return pl.DataFrame(
        [{name: row.get(name, usual.get(name)) for name in schema} for row in rows], schema=schema
    )


def value(
    municipality: str,
    number: float | None,
    at: datetime = FIRST,
    *,
    kpi: str = "N00001",
    period: int = 2025,
    **other: object,
) -> dict[str, object]:
    return {"kpi": kpi, "municipality": municipality, "period": period, "value": number,
            "retrieved_at": at, **other}  # fmt: skip


def kpi(id_: str, title: str, at: datetime = FIRST, **other: object) -> dict[str, object]:
    return {"kpi": id_, "title": title, "retrieved_at": at, **other}


def group(
    id_: str, title: str, members: list[str], at: datetime = FIRST, **other: object
) -> dict[str, object]:
    return {"municipality_group": id_, "title": title, "members": members, "retrieved_at": at,
            **other}  # fmt: skip


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """One area, "school", of N00001 and N00002; N00003 is used by none."""
    warehouse = Warehouse(tmp_path / "warehouse.duckdb")
    known = {"municipality": [{"municipality": id_, "title": name} for id_, name in NAMES.items()]}
    warehouse.append(
        "raw.municipality", frame(MUNICIPALITY, *known["municipality"]), position=(1, "")
    )
    warehouse.write(
        "staging.indicator",
        pl.DataFrame(
            {"service_area": ["school"] * 2, "kpi": ["N00001", "N00002"],
             "label": ["Kostnad", "Betyg"], "unit": ["kr", "%"]}
        ),
    )  # fmt: skip
    warehouse.write(
        "staging.service_area",
        pl.DataFrame(
            {"service_area": ["school"], "title": ["Grundskola"], "peer_group": ["grundskola"],
             "decision": ["KF 2026 § 1"]}
        ),
    )  # fmt: skip
    return warehouse


def compare(
    warehouse: Warehouse,
    *,
    observations: Sequence[dict[str, object]] = (),
    kpis: Sequence[dict[str, object]] = (),
    groups: Sequence[dict[str, object]] = (),
    since: datetime | None = FIRST,
    until: datetime = LATER,
    materiality: float = 0.02,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Both tables of what has changed between the two moments."""
    metadata = kpis or [kpi("N00001", "Kostnad, kr/elev"), kpi("N00003", "Antal broar")]
    for table, rows in ((OBSERVATION, observations), (KPI, metadata), (MUNICIPALITY_GROUP, groups)):
        warehouse.append(f"raw.{table.name}", frame(table, *rows), position=(1, ""))
    warehouse.write("staging.as_of", pl.DataFrame({"as_of": [until]}))
    warehouse.write(
        "staging.interval",
        pl.DataFrame(
            {"since": [since], "until": [until], "materiality": [materiality]},
            schema={
                "since": pl.Datetime("us", "UTC"),
                "until": pl.Datetime("us", "UTC"),
                "materiality": pl.Float64,
            },
        ),
    )
    for table in ("staging.kpi", "staging.municipality", "mart.revision", "mart.definition_change"):
        warehouse.build(table)
    return (
        Revision.validate(warehouse.read("mart.revision"), lazy=True),
        DefinitionChange.validate(warehouse.read("mart.definition_change"), lazy=True),
    )


def content(
    warehouse: Warehouse, *, rank_change: pl.DataFrame | None = None, since: datetime | None = FIRST
) -> Content:
    """The radar of what `compare` has written."""
    tables = {name: warehouse.read(f"mart.{name}") for name in ("revision", "definition_change")}
    tables |= {
        name: warehouse.read(f"staging.{name}")
        for name in ("service_area", "indicator", "kpi", "municipality")
    }
    tables["rank_change"] = pl.DataFrame(schema=SCHEMA) if rank_change is None else rank_change
    return radar_content(tables, Comparison(since, LATER, "1489", 0.02, n_value=3, n_kpi=2))


class Page(HTMLParser):
    """What of a page is shown: its text, its tables by caption, its elements."""

    def __init__(self, html: bytes) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.tables: dict[str, list[list[str]]] = {}
        self._in: list[str] = []
        self._caption = ""
        self.feed(html.decode("utf-8"))
        self.text = _plain(self.text)
        self.tables = {
            caption: [[_plain(cell) for cell in row] for row in rows]
            for caption, rows in self.tables.items()
        }

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.links += [link for name, link in attrs if name in ("href", "src") and link]
        if tag in ("meta", "link"):
            return
        self._in.append(tag)
        if tag == "table":
            self._caption = ""
        if tag == "tr":
            self.tables.setdefault(self._caption, []).append([])
        if tag in ("td", "th"):
            self.tables[self._caption][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._in:
            while self._in.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if "style" in self._in:
            return
        self.text += data
        if "caption" in self._in:
            self._caption += data
        elif {"td", "th"} & set(self._in):
            cells = self.tables[self._caption][-1]
            cells[-1] += data


def _plain(text: str) -> str:
    return " ".join(text.replace("\u00a0", " ").split())


CASES = [
    ("new", [], [value("1489", 5.0, NIGHT)]),
    ("changed", [value("1489", 5.0)], [value("1489", 6.0, NIGHT)]),
    ("struck", [value("1489", 5.0)],
     [value("1489", None, NIGHT, status="Absent", is_deleted=True, count=0)]),
    ("restored", [value("1489", None, status="Absent", is_deleted=True)],
     [value("1489", 5.0, NIGHT)]),
    ("status_changed", [value("1489", 5.0)], [value("1489", None, NIGHT, status="Missing")]),
    ("status_changed", [value("1489", None, status="Missing")], [value("1489", 5.0, NIGHT)]),
    ("status_changed", [value("1489", 5.0)], [value("1489", 5.0, NIGHT, status="Secret")]),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "before", "after"), CASES)
def test_a_change_of_a_value_has_its_kind(
    kind: str, before: list[dict[str, object]], after: list[dict[str, object]], warehouse: Warehouse
):
    rows, _ = compare(warehouse, observations=[*before, *after])

    assert rows["kind"].to_list() == [kind]
    assert rows["service_areas"].to_list() == ["school"]


@pytest.mark.parametrize(
    "after",
    [
        [value("1489", 6.0, NIGHT), value("1489", 5.0, LATER)],
        [value("1489", None, NIGHT, is_deleted=True), value("1489", 5.0, LATER)],
        [value("1489", 5.0, NIGHT, count=2)],
    ],
)
def test_what_is_as_it_was_is_no_revision(after: list[dict[str, object]], warehouse: Warehouse):
    rows, _ = compare(warehouse, observations=[value("1489", 5.0), *after])

    assert rows.is_empty()


def test_a_value_that_came_and_went_between_the_moments_is_no_revision(warehouse: Warehouse):
    rows, _ = compare(
        warehouse,
        observations=[value("1489", 5.0, NIGHT), value("1489", None, LATER, is_deleted=True)],
    )

    assert rows.is_empty()


def test_only_the_net_difference_counts_and_both_nights_are_told_of(warehouse: Warehouse):
    rows, _ = compare(
        warehouse,
        observations=[
            value("1489", 5.0), value("1489", 6.0, NIGHT), value("1489", 7.0, LATER),
        ],
    )  # fmt: skip

    row = rows.row(0, named=True)
    assert (row["before_value"], row["after_value"], row["n_version"]) == (5.0, 7.0, 2)
    assert (row["first_retrieved_at"], row["last_retrieved_at"]) == (NIGHT, LATER)


def test_what_came_after_the_moment_shown_is_not_told_of(warehouse: Warehouse):
    rows, _ = compare(
        warehouse, observations=[value("1489", 5.0), value("1489", 6.0, LATER)], until=NIGHT
    )

    assert rows.is_empty()


@pytest.mark.parametrize(
    ("limit", "after", "is_material"),
    [(0.02, 102.99, False), (0.02, 103.0, True), (0.02, 103.01, True), (0.0, 100.001, True)],
)
def test_a_change_is_material_from_the_limit_on(
    limit: float, after: float, is_material: bool, warehouse: Warehouse
):
    # The quartiles of 0, 100, 200 and 300 are 75 and 225; 0.02 of what is between them is 3.
    known = [value(id_, number) for id_, number in zip(NAMES, (100, 0, 200, 300), strict=True)]

    rows, _ = compare(
        warehouse, observations=[*known, value("1489", after, NIGHT)], materiality=limit
    )

    assert rows["spread"].to_list() == [150.0]
    assert rows["is_material"].to_list() == [is_material]


def test_a_change_at_the_limit_is_material_whatever_decimals_lose_in_binary(warehouse: Warehouse):
    # The quartiles are 2.325 and 12.325; 3.3 - 3.1 is 0.19999999999999973.
    known = [
        value(id_, number) for id_, number in zip(NAMES, (3.1, 0, 12.325, 12.325), strict=True)
    ]

    rows, _ = compare(warehouse, observations=[*known, value("1489", 3.3, NIGHT)])

    assert rows["spread"].to_list() == pytest.approx([10.0])
    assert rows["is_material"].to_list() == [True]


def test_where_all_have_the_same_value_any_change_is_material(warehouse: Warehouse):
    same = [value(id_, 1.0) for id_ in NAMES]

    rows, _ = compare(warehouse, observations=[*same, value("1489", 1.0001, NIGHT)])

    assert rows["spread"].to_list() == [0.0]
    assert rows["is_material"].to_list() == [True]


def test_a_kpi_that_nobody_asked_for_before_is_read_and_not_revised(warehouse: Warehouse):
    rows, _ = compare(
        warehouse,
        observations=[
            value("1489", 5.0), value("1489", 6.0, NIGHT), value("1489", 1.0, NIGHT, kpi="N00002"),
        ],
    )  # fmt: skip

    assert dict(rows.select("kpi", "is_first_reading").rows()) == {
        "N00001": False,
        "N00002": True,
    }
    page = Page(content(warehouse).files["index.html"])
    assert [row[0] for row in page.tables["Ändrade värden, en rad per nyckeltal"]][1:] == [
        "N00001 Kostnad, kr/elev Grundskola"
    ]
    assert "N00002: 1 värde 2025" in page.text


DEFINITIONS = [
    ("kpi_new", [], [kpi("N00009", "Broar", NIGHT)]),
    ("kpi_gone", [kpi("N00009", "Broar")], [kpi("N00009", "Broar", NIGHT, is_deleted=True)]),
    ("retitled", [kpi("N00009", "Broar")], [kpi("N00009", "Broar, antal", NIGHT)]),
    ("ended", [kpi("N00009", "Broar")], [kpi("N00009", "Broar (- 2024)", NIGHT)]),
    ("retitled", [kpi("N00009", "Broar (-2023)")], [kpi("N00009", "Broar (-2024)", NIGHT)]),
    ("redefined", [kpi("N00009", "Broar")], [kpi("N00009", "Broar", NIGHT, description="Nya.")]),
    ("gender_division", [kpi("N00009", "Broar")],
     [kpi("N00009", "Broar", NIGHT, is_divided_by_gender=True)]),
    ("other_field", [kpi("N00009", "Broar")], [kpi("N00009", "Broar", NIGHT, auspice="E")]),
    ("publication_date", [kpi("N00009", "Broar")],
     [kpi("N00009", "Broar", NIGHT, publ_period="2025")]),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "before", "after"), DEFINITIONS)
def test_a_change_of_a_definition_has_its_kind(
    kind: str, before: list[dict[str, object]], after: list[dict[str, object]], warehouse: Warehouse
):
    rows = compare(warehouse, kpis=[kpi("N00001", "Kostnad"), *before, *after])[1]

    assert rows["kind"].to_list() == [kind]
    assert rows["is_material"].to_list() == [False]  # no area uses it


def test_a_definition_of_a_kpi_in_use_is_material_but_its_publication_date_is_not(
    warehouse: Warehouse,
):
    rows = compare(
        warehouse,
        kpis=[
            kpi("N00001", "Kostnad"),
            kpi("N00001", "Kostnad", NIGHT, description="Nya ord.", publ_period="2025"),
        ],
    )[1]

    assert dict(rows.select("kind", "is_material").rows()) == {
        "redefined": True,
        "publication_date": False,
    }


def test_a_group_says_by_name_who_joined_and_who_left_whatever_their_order(warehouse: Warehouse):
    title = "Liknande kommuner grundskola, Alingsås, 2024"
    groups = [
        group("G1", title, ["0180", "1480"]),
        group("G1", title, ["1440", "1480"], NIGHT),
        group("G2", "Kust", ["0180", "1480"]),
        group("G2", "Kust", ["1480", "0180"], NIGHT),
        group("G3", "Skog", ["1480"]),
        group("G3", "Skog och sjö", ["1480", "1440"], NIGHT),
    ]

    rows = compare(warehouse, groups=groups)[1]

    columns = ("id", "kind", "joined", "departed", "peer_of", "is_material")
    assert rows.select(columns).sort("id", "kind").rows() == [
        ("G1", "group_members", "Ale", "Stockholm", "1489", True),
        ("G3", "group_members", "Ale", None, None, False),
        ("G3", "group_retitled", None, None, None, False),
    ]


def test_without_a_moment_to_compare_with_nothing_is_listed(warehouse: Warehouse):
    rows, changed = compare(
        warehouse, observations=[value("1489", 5.0), value("1489", 6.0, NIGHT)], since=None
    )

    assert rows.is_empty()
    assert changed.is_empty()
    made = content(warehouse, since=None)
    assert made.line == "Första läsningen: 3 värden för 2 nyckeltal."
    assert Page(made.files["index.html"]).tables == {}


def test_a_quiet_night_is_one_line_and_no_file(warehouse: Warehouse):
    compare(warehouse, observations=[value("1489", 5.0)])

    made = content(warehouse)

    assert made.line == "Inget har ändrats hos Kolada sedan 2026-11-20."
    assert made.files == {}


def test_a_night_with_nothing_above_the_limit_says_so_and_keeps_it_in_the_table(
    warehouse: Warehouse,
):
    known = [value(id_, number) for id_, number in zip(NAMES, (100, 0, 200, 300), strict=True)]
    rows, _ = compare(warehouse, observations=[*known, value("1489", 101.0, NIGHT)])

    made = content(warehouse)

    assert made.line == (
        "Sedan 2026-11-20: inget väsentligt har ändrats i våra områden, 1 mindre ändring."
    )
    assert pl.read_parquet(made.files["revision.parquet"]).height == rows.height == 1


@pytest.mark.parametrize("text", ["much", "-1", "nan", "inf"])
def test_a_limit_that_is_no_share_is_refused(text: str):
    with pytest.raises(SettingsError, match="EFFEKTIV_MATERIALITY"):
        materiality_of(text)


def test_the_page_has_one_line_for_each_kpi_with_the_numbers_of_the_table(warehouse: Warehouse):
    ids = [*NAMES][:3]
    rows, _ = compare(
        warehouse,
        observations=[
            *[value(id_, 10.0 * n, period=year)
              for n, id_ in enumerate(NAMES) for year in (2024, 2025)],
            *[value(id_, 10.0 * n + 4 * (n + 1) * (-1) ** n, NIGHT, period=year)
              for n, id_ in enumerate(ids) for year in (2024, 2025)],
            value("1440", 30.1, NIGHT),
            value("0180", 5.0, kpi="N00003"),
            value("0180", 6.0, NIGHT, kpi="N00003"),
        ],
    )  # fmt: skip

    page = Page(content(warehouse).files["index.html"])

    _, line = page.tables["Ändrade värden, en rad per nyckeltal"]
    shown = rows.filter(pl.col("is_material") & (pl.col("kpi") == "N00001"))
    move = shown["after_value"] - shown["before_value"]
    assert line == [
        "N00001 Kostnad, kr/elev Grundskola",
        f"{shown.height} ändrade värden 2024–2025",
        "Alingsås, Göteborg, Stockholm",
        f"{(move > 0).sum()} upp, {(move < 0).sum()} ned median {move.abs().median():.0f} (kr)",
        "2025: 0 → 4 och 1 till",
    ]
    assert "1 mindre ändring visas inte" in page.text
    assert "1 värde för 1 nyckeltal." in page.text  # N00003, which no area uses
    assert rows.height == 8  # and the table has them all


def test_text_from_kolada_is_text_on_the_page_and_in_a_spreadsheet(warehouse: Warehouse):
    compare(
        warehouse,
        observations=[value("1489", 5.0), value("1489", 60.0, NIGHT)],
        kpis=[
            kpi("N00001", "Kostnad"),
            kpi("N00001", f"{FORMULA} {HOSTILE}", NIGHT, description=f"Ny {HOSTILE}."),
        ],
    )

    made = content(warehouse)

    page = Page(made.files["index.html"])
    assert HOSTILE in page.text
    assert "script" not in page.elements
    assert b"<script" not in made.files["index.html"]
    for name in ("revision", "definition_change"):
        text = made.files[f"{name}.sv.csv"].decode("utf-8")
        assert "'=HYPERLINK" in text
        assert ";=HYPERLINK" not in text
        assert ';"=HYPERLINK' not in text


def test_the_page_needs_nothing_else_and_says_whose_the_numbers_are(warehouse: Warehouse):
    compare(warehouse, observations=[value("1489", 5.0), value("1489", 60.0, NIGHT)])

    made = content(warehouse)

    page = Page(made.files["index.html"])
    assert {link for link in page.links if link.split(":")[0] in ("http", "https")} == set()
    assert {link for link in page.links if not link.startswith("data:")} <= {
        *made.files, "manifest.json",
    }  # fmt: skip
    assert 'lang="sv"' in made.files["index.html"].decode()
    assert "Källa: Kolada" in page.text
    assert "Egen bearbetning av data från Kolada" in page.text
    assert "SIMULERADE DATA" not in page.text


def test_the_same_tables_give_the_same_bytes(warehouse: Warehouse):
    compare(warehouse, observations=[value("1489", 5.0), value("1489", 60.0, NIGHT)])

    assert content(warehouse).files == content(warehouse).files


def test_a_description_is_told_of_word_by_word_and_what_is_far_from_it_is_left_out():
    words = [f"ord{n}" for n in range(100)]

    parts = text_change(" ".join(words), " ".join([*words[:50], "nytt", *words[51:]]))

    assert ("gone", "ord50") in parts
    assert ("come", "nytt") in parts
    assert parts[0] == ("left out", "…")
    assert sum(len(part.text.split()) for part in parts) < 32


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (3.1234, 3.1241, "3,123 → 3,124"),
        (12000.0, 12500.0, "12\u00a0000 → 12\u00a0500"),
        (-1.5, 2.0, "−1,5 → 2,0"),
        (None, 2.0, "– → 2"),
    ],
)
def test_a_change_is_shown_with_the_decimals_it_needs(
    before: float | None, after: float, said: str
):
    assert value_change(before, after, before_status=None, after_status="") == said


def test_years_that_follow_on_each_other_are_a_span():
    assert years([2021, 2019, 2020, 2025, 2020]) == "2019–2021, 2025"


def ranking(ranks: dict[str, int | None], *, area: str = "school") -> pl.DataFrame:
    return pl.DataFrame(
        {
            "service_area": area,
            "period": 2025,
            "municipality": list(ranks),
            "municipality_title": [NAMES[id_] for id_ in ranks],
            "efficiency_rank": list(ranks.values()),
            "n_ranked": sum(rank is not None for rank in ranks.values()),
        },
        schema_overrides={"period": pl.Int32, "efficiency_rank": pl.Int32, "n_ranked": pl.Int32},
    )


def release(
    releases: Path, rows: pl.DataFrame, as_of: datetime, *, area_file: bytes = b"a", **said: object
) -> Path:
    """A published release with a ranking."""
    table = releases.parent / "efficiency.parquet"
    rows.write_parquet(table)
    manifest = {"as_of": as_of.isoformat(), "municipality": "1489", "store": ".",
                "service_areas": ["school"], "code": {"version": "1"}} | said  # fmt: skip
    files = {
        "tables/efficiency.parquet": table.read_bytes(),
        "method/areas/school.toml": area_file,
    }
    return publish(files, manifest, day=f"{as_of:%Y-%m-%d}", releases=releases).folder


def moves(releases: Path, after: pl.DataFrame, until: datetime = LATER) -> pl.DataFrame:
    path = releases.parent / "school.toml"
    path.write_bytes(b"a")
    rows = rank_changes(
        after.with_columns(is_preliminary=False),
        published_before(releases, until, store=".", municipality="1489"),
        municipality="1489",
        area_files={"school": path},
        code={"version": "1"},
    )
    return RankChange.validate(rows, lazy=True)


def test_places_are_held_against_a_release_and_who_moved_furthest_is_named(tmp_path: Path):
    release(
        tmp_path / "releases",
        ranking({"1489": 1, "0180": 2, "1480": 3, "1440": None}),
        FIRST,
    )

    rows = moves(tmp_path / "releases", ranking({"1489": 3, "0180": 2, "1480": None, "1440": 1}))

    row = rows.row(0, named=True)
    assert (row["n_ranked_before"], row["n_ranked_after"]) == (3, 3)
    assert (row["n_moved"], row["n_entered"], row["n_left"]) == (1, 1, 1)
    assert (row["largest_move"], row["largest_move_municipality_title"]) == (2, "Alingsås")
    assert (row["rank_before"], row["rank_after"]) == (1, 3)
    assert (row["is_other_code"], row["is_other_area_file"]) == (False, False)


def test_another_code_and_another_area_file_are_said(tmp_path: Path, warehouse: Warehouse):
    rows = ranking({"1489": 1, "0180": 2})
    release(tmp_path / "releases", rows, FIRST, area_file=b"b", code={"version": "0"})

    moved = moves(tmp_path / "releases", ranking({"1489": 2, "0180": 1}))

    assert moved.select("is_other_code", "is_other_area_file").rows() == [(True, True)]
    compare(warehouse, observations=[value("1489", 5.0), value("1489", 60.0, NIGHT)])
    page = Page(content(warehouse, rank_change=moved).files["index.html"])
    assert "annan version av beräkningen, annan områdesfil" in page.text
    assert "2 kommuner byter plats i Grundskola 2025 (Alingsås: plats 1 → 2)" in page.text


def test_a_later_release_another_source_and_what_is_no_release_are_passed_over(tmp_path: Path):
    releases = tmp_path / "releases"
    rows = ranking({"1489": 1})
    kept = release(releases, rows, FIRST)
    release(releases, rows, LATER)
    release(releases, rows, FIRST, store="demo")
    (releases / "2026-11-21-no-release").mkdir()

    found = published_before(releases, LATER, store=".", municipality="1489")

    assert [one.folder for one in found] == [kept]


def test_of_a_day_one_release_is_compared_and_of_days_at_most_twelve(tmp_path: Path):
    releases = tmp_path / "releases"
    rows = ranking({"1489": 1})
    for day in range(1, 16):
        release(releases, rows, datetime(2026, 10, day, 2, tzinfo=UTC))
        release(releases, rows, datetime(2026, 10, day, 3, tzinfo=UTC))

    found = moves(releases, rows)

    assert found.height == MOST_RELEASES
    assert {moment.hour for moment in found["release_as_of"]} == {3}
    assert found["release_as_of"].dt.day().to_list() == list(range(15, 3, -1))


def radar_made(radars: Path, until: datetime, **said: object) -> None:
    manifest = {"until": until.isoformat(), "store": ".", "only": []} | said
    publish({}, manifest, day=f"{until:%Y-%m-%d}", releases=radars)


def test_a_radar_goes_on_from_the_newest_of_its_own_source_and_areas(tmp_path: Path):
    radars = tmp_path / "radar"
    radar_made(radars, FIRST)
    radar_made(radars, NIGHT, only=["school"])
    radar_made(radars, NIGHT, store="demo")
    radar_made(radars / "between", NIGHT)
    radar_made(radars, LATER.replace(year=2027))

    def since(*only: str) -> datetime | None:
        return newest_until(radars, store=".", only=only, before=LATER)

    assert since() == FIRST
    assert since("school") == NIGHT
    assert since("elderly_care") == FIRST
    assert newest_until(radars, store="real", only=(), before=LATER) is None
