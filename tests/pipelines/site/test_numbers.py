"""The page of numbers says what the tables say, and of what is missing why."""

import re
from datetime import datetime
from types import SimpleNamespace

import polars as pl
import pytest

from pipelines.site.numbers import NO_NUMBER, numbers_page, probability
from pipelines.site.page import Frame

KEY = {"service_area": ["school"], "period": [2024], "municipality": ["1489"]}
TABLES = {
    "service_area": {"service_area": ["school"], "title": ["Grundskola <F-9>"]},
    "efficiency": {
        **KEY, "municipality_title": ["Alingsås"], "resource_index": [40.0],
        "quality_index": [60.0], "efficiency_score": [50.0], "efficiency_rank": [58],
        "n_ranked": [1286], "peer_mean": [45.25], "status": ["ranked"],
    },
    "rank_interval": {
        **KEY, "rank_low": [31], "rank_high": [92], "p_first": [0.0004], "p_top10": [0.023],
        "p_top_quarter": [0.997],
    },
    "better_than": {**KEY, "peer": ["0180"], "p_better": [0.93]},
    "index_alternative": {**KEY, "fixed_base_score": [51.5], "geometric_score": [49.0]},
    "dea_score": {
        **KEY, "score": [0.92], "is_efficient": [False], "bias_corrected": [0.875],
        "score_low": [0.84], "score_high": [0.91], "status": ["scored"],
    },
    "order_m_score": {**KEY, "m": [50], "score": [1.034], "status": ["scored"]},
    "malmquist": {
        **KEY, "period_before": [2023], "malmquist": [0.98], "malmquist_low": [0.95],
        "malmquist_high": [1.01], "efficiency_change": [0.97], "technical_change": [1.0103],
        "status": ["scored"],
    },
}  # fmt: skip


def page(marks=(), **changed: dict[str, object]) -> str:
    tables = {
        name: pl.DataFrame(
            {
                column: [changed.get(name, {}).get(column, value[0])]
                for column, value in columns.items()
            },
            strict=False,
        )
        for name, columns in TABLES.items()
    }
    school = SimpleNamespace(name="school", title="Grundskola <F-9>", period=2024, is_ranked=True)
    frame = Frame("1489", "Alingsås", datetime(2026, 9, 1), tuple(marks))
    facts = SimpleNamespace(tables=tables, areas=[school])
    return numbers_page(facts, frame, method="Så här.").decode()


def rows(html: str) -> dict[str, tuple[str, str]]:
    """The value and what stands beside it, by the name of the row."""
    cells = re.findall(r"<tr><th[^>]*>(.*?)</th><td>(.*?)</td><td>(.*?)</td>", html)
    return {name: (value, beside) for name, value, beside in cells}


def test_place_interval_and_probabilities_are_said_first():
    html = page()

    assert (
        "Plats 58 av 1\u00a0286, troligen mellan 31 och 92. Sannolikheten att vara bland de tio "
        "bästa är 2 %." in html
    )
    assert rows(html)["Plats i landet"] == ("58 av 1\u00a0286", "31–92 (90 %)")
    assert rows(html)["Sannolikhet för de tio bästa"][0] == "2 %"


@pytest.mark.parametrize(
    ("p_better", "said"),
    [
        (0.93, ("1 av 1 jämförbara", "klart sämre än 0, går inte att skilja från 0")),
        (0.5, ("0 av 1 jämförbara", "klart sämre än 0, går inte att skilja från 1")),
        (0.1, ("0 av 1 jämförbara", "klart sämre än 1, går inte att skilja från 0")),
    ],
)
def test_who_of_the_peers_is_clearly_better_is_counted(p_better, said):
    assert rows(page(better_than={"p_better": p_better}))["Klart bättre än"] == said


def test_every_method_has_its_row_with_its_interval():
    said = rows(page())

    assert said["Effektivitetspoäng (0–100)"] == ("50,0", "jämförbara kommuners medel 45,2")
    assert said["Mot fronten (DEA), rättad"] == ("0,875", "0,840–0,910 (90 %)")
    assert said["Mot den bästa av 50 slumpvis valda (order-m)"][0] == "1,034"
    assert said["Förändring från 2023 (Malmquist)"] == ("−2,0 %", "−5,0 % till +1,0 % (90 %)")
    assert said["– varav fronten själv"][0] == "+1,0 %"
    assert said["Poäng med fast bas"][0] == "51,5"


def test_a_municipality_without_a_place_is_told_why():
    html = page(
        efficiency={"efficiency_rank": None, "efficiency_score": None, "quality_index": None,
                    "status": "missing_quality"},
        dea_score={"score": None, "status": "missing_quality"},
        order_m_score={"score": None, "status": "no_quantity"},
        malmquist={"malmquist": None, "status": "no_pair"},
    )  # fmt: skip

    said = rows(html)
    assert "Ingen plats: saknar uppgift om kvalitet." in html
    assert said["Plats i landet"][0] == "saknar uppgift om kvalitet"
    assert said["Mot fronten (DEA)"][0] == "saknar uppgift om kvalitet"
    assert "Sannolikhet för plats 1" not in said
    assert said["Förändring från året före (Malmquist)"][0] == NO_NUMBER["no_pair"]
    assert NO_NUMBER["no_quantity"] in html


def test_a_place_without_an_interval_says_so():
    nothing = dict.fromkeys(("rank_low", "rank_high", "p_first", "p_top10", "p_top_quarter"))

    html = page(rank_interval=nothing)

    assert rows(html)["Plats i landet"] == ("58 av 1\u00a0286", "intervall kan inte beräknas")


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0.0, "under 1 %"),
        (0.004, "under 1 %"),
        (0.41, "41 %"),
        (0.995, "över 99 %"),
        (1, "över 99 %"),
    ],
)
def test_a_probability_is_never_told_as_certain(share, said):
    assert probability(share) == said


def test_text_from_kolada_is_text_and_the_marks_are_inside():
    html = page(marks=["SIMULERADE DATA"])

    assert "Grundskola &lt;F-9&gt; 2024" in html
    assert "SIMULERADE DATA" in html
    assert "Egen bearbetning av data från Kolada" in html
    assert "<script>" not in html
