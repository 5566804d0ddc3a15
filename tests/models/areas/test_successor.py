"""What has replaced a KPI: the ways in which Kolada's descriptions say so."""

import json
import re
from pathlib import Path

import polars as pl
import pytest

from models.areas.successor import Successor, ended_after, successors

OLD, NEW, OTHER = "N17494", "N17690", "N17691"


def catalogue(*rows: tuple[str, str, str | None]) -> pl.DataFrame:
    schema = {"kpi": pl.String, "title": pl.String, "description": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


def found(frame: pl.DataFrame, kpi: str = OLD, **known) -> list[tuple[str, str]]:
    return [(each.kpi, each.basis) for each in successors(frame, kpi, **known)]


@pytest.mark.parametrize(
    ("title", "year"),
    [
        ("Betyg (-2022)", 2022),
        ("Betyg, (- 2024) ", 2024),
        ("Betyg(-2021)", 2021),
        ("Betyg", None),
        ("Pension (-1997) region, kr/inv", None),  # what is earned until 1997, still published
        ("Betyg (2024)", None),
    ],
)
def test_an_ended_series_has_its_last_year_last_in_the_title(title, year):
    assert ended_after(title) == year


# Most are Kolada's own words; it is not known to have used lists, "har ersatt" or "se istället".
@pytest.mark.parametrize(
    ("words", "basis"),
    [
        ("Nytt nyckeltal fr.o.m. 2022. Ersätter tidigare nyckeltal ({}) som var annat.", "told"),
        ("Ersätter: {}. Källa: SCB.", "told"),
        ("Nyckeltalet ersätter {}. Källa: SCB.", "told"),
        ("Ersätter N11111, N22222 och {}.", "told"),
        ("Har ersatt nyckeltalet {}.", "told"),
        ("Ersätter\n{}\nKälla: SCB", "told"),
        ("Ersätter men ej jämförbart med tidigare nyckeltalet {}.", "told_not_comparable"),
        (
            "Ersätter, dock ej jämförbart med, tidigare nyckeltalet med Kolada-id {}.",
            "told_not_comparable",
        ),
        ("Antal (detta nyckeltal ersätter {} och är inte jämförbara).", "told_not_comparable"),
        ("Ersätter {}. Nyckeltalen är inte jämförbara. Källa: SCB.", "told_not_comparable"),
        ("Är inte jämförbart mellan år. Mäts i juni. Ersätter {}.", "told"),
    ],
)
def test_the_new_kpi_tells_what_it_replaces(words, basis):
    frame = catalogue((OLD, "Betyg (-2022)", ""), (NEW, "Poäng", words.format(OLD)))

    assert successors(frame, OLD) == (Successor(NEW, "Poäng", basis),)


@pytest.mark.parametrize(
    ("words", "basis"),
    [
        ("Ersatt av {}. Källa: Skolverket", "told"),
        (
            "Fr.o.m. 2024 ersätts detta nyckeltal med {}, på grund av ändring i definition är "
            "dessa inte jämförbara.",
            "told_not_comparable",
        ),
        ("Avslutat, se istället {}.", "told"),
        ("Avslutat, se i stället {}.", "told"),
        ("Har ersatts av nyckeltalet {}.", "told"),
        ("Dessa nyckeltal är ersatta med {} och N11111.", "told"),
    ],
)
def test_the_old_kpi_tells_what_replaces_it(words, basis):
    frame = catalogue((OLD, "Betyg (-2022)", words.format(NEW)), (NEW, "Poäng", None))

    assert found(frame) == [(NEW, basis)]
    assert found(frame, NEW) == []


def test_several_may_replace_one_and_those_told_come_first():
    frame = catalogue(
        (OLD, "Betyg (-2022)", f"Ersatt av {OTHER} och {NEW}."),
        (NEW, "Poäng", f"Ersätter men ej jämförbart med {OLD}."),
        (OTHER, "Andel", ""),
        ("N00001", "Betyg", ""),
    )

    assert found(frame) == [
        (NEW, "told_not_comparable"),
        (OTHER, "told"),
        ("N00001", "same_title"),
    ]


@pytest.mark.parametrize(
    "words",
    [
        "Bör tolkas tillsammans med {}.",
        "Ekonomisk ersättning enligt {}.",
        "Ersätter N11111. Tolkas tillsammans med {}.",
        "Ersätter N11111 som till skillnad från {} avser kommunen.",
        "Ersätter N174940 och {}0.",
    ],
)
def test_a_kpi_that_is_only_mentioned_replaces_nothing(words):
    frame = catalogue((OLD, "Betyg (-2022)", ""), (NEW, "Poäng", words.format(OLD)))

    assert found(frame) == []


@pytest.mark.parametrize(
    "ended", ["Utpendling,  andel (%) (-2021)", "utpendling, andel (%)(- 2021)"]
)
def test_a_published_kpi_with_the_title_of_the_ended_one_is_likely(ended):
    frame = catalogue(
        (OLD, ended, ""),
        (NEW, "Utpendling, andel (%)", ""),
        (OTHER, "Utpendling, andel (%) (-2019)", ""),
        ("N00001", "Utpendling, antal", ""),
    )

    assert found(frame) == [(NEW, "same_title")]


def test_a_kpi_that_is_gone_is_known_by_what_was_known_of_it_before():
    now = catalogue((NEW, "Poäng", ""), (OTHER, "Betyg", ""))
    before = catalogue((OLD, "Betyg (-2022)", f"Ersatt av {NEW}."))

    assert found(now) == []
    assert found(now, title="Betyg") == [(OTHER, "same_title")]
    assert found(now, earlier=before) == [(NEW, "told"), (OTHER, "same_title")]


def test_what_is_gone_itself_replaces_nothing():
    before = catalogue((OLD, "Betyg (-2022)", f"Ersatt av {NEW}."), (NEW, "Poäng", ""))

    assert found(catalogue((OTHER, "Andel", "")), earlier=before) == []


@pytest.fixture(scope="module")
def catalogues(shared: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Kolada's own, of 2024-04-06 and 2026-03-23."""

    def read(name: str) -> pl.DataFrame:
        content = (shared / "kolada" / "catalogue" / name).read_text(encoding="utf-8")
        rows = json.loads(content)["values"]
        return catalogue(*((row["id"], row["title"], row["description"]) for row in rows))

    return read("kpi_2024-04-06_v2.json"), read("kpi_2026-03-23_v3.json")


@pytest.mark.shared
@pytest.mark.parametrize(
    ("kpi", "new", "basis"),
    [
        ("N17494", "N17690", "told"),
        ("N31803", "N31807", "told"),  # in its own words of 2024, when it was still there
        ("N21803", "N21826", "told_not_comparable"),  # gone before 2024
        ("U07415", "N07415", "told_not_comparable"),
        ("N00921", "N02274", "same_title"),
        ("N79509", "N79502", "same_title"),
    ],
)
def test_what_kolada_itself_replaced_is_found(catalogues, kpi, new, basis):
    before, now = catalogues

    assert found(now, kpi, earlier=before) == [(new, basis)]


@pytest.mark.shared
def test_36_of_1254_that_ended_or_went_have_a_successor(catalogues):
    before, now = catalogues
    present = set(now["kpi"])
    ended = {k: title for k, title in now.select("kpi", "title").iter_rows() if ended_after(title)}
    gone = {k: t for k, t in before.select("kpi", "title").iter_rows() if k not in present}
    last_title = ended | gone

    # Those that may have one, by a rule that errs on that side, and every twentieth of the rest.
    texts = " ".join([*now["description"], *before["description"]])
    tell = before.filter(pl.col("description").str.contains("Ersatt"))["kpi"]
    published = set(now["title"])
    alike = {kpi for kpi, title in last_title.items() if title.split(" (-")[0] in published}
    likely = last_title.keys() & {*re.findall(r"[NU]\d{5}", texts), *tell, *alike}
    rest = sorted(last_title.keys() - likely)[::20]
    bases = [[basis for _, basis in found(now, kpi, earlier=before)] for kpi in (*likely, *rest)]

    assert (len(ended), len(gone)) == (425, 829)
    assert sum(map(bool, bases)) == 36
    assert bases.count(["told"]) == 14
    assert bases.count(["told_not_comparable"]) == 2
    assert bases.count(["same_title"]) == 20


@pytest.mark.shared
def test_28_kpis_of_2026_are_told_of_as_replaced(catalogues):
    _, now = catalogues
    mentioned = set(re.findall(r"[NU]\d{5}", " ".join(now["description"])))

    bases = [basis for kpi in mentioned for _, basis in found(now, kpi) if basis != "same_title"]

    assert (bases.count("told"), bases.count("told_not_comparable")) == (13, 15)
