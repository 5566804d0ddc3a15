"""What the audit withholds, and what its page says."""

import re
from datetime import date, datetime
from types import SimpleNamespace

import polars as pl
import pytest

from models.suitability.rules import RULES, VERDICTS
from pipelines.publish import withheld
from pipelines.publish.withheld import without_withheld
from pipelines.site import matrix
from pipelines.site.matrix import matrix_page, reasons_said
from pipelines.site.page import Frame

VERDICT = pl.DataFrame(
    {
        "service_area": ["care", "school"], "period": [2024, 2024], "verdict":
        ["internal_only", "publish"], "n_complete": [1234, 290], "n_municipality": [1290, 290],
    }
)  # fmt: skip
EFFICIENCY = pl.DataFrame(
    {
        "service_area": ["care", "care", "school"], "period": [2024] * 3,
        "municipality": ["1489", "0180", "1489"],
        "municipality_title": ["Alingsås", "Stockholm", "Alingsås"],
        "resource_index": [40.0, None, 50.0], "quality_index": [60.0, None, 50.0],
        "efficiency_score": [50.0, None, 50.0], "rka_index": [50.0, None, 50.0],
        "efficiency_rank": [1, None, 7], "n_ranked": [1, 1, 290], "peer_mean": [45.0, 45, 45],
        "status": ["ranked", "missing_cost", "ranked"],
    }
)  # fmt: skip
FINDING = pl.DataFrame(
    {
        "service_area": ["care"] * 2, "period": [2024] * 2,
        "reason": ["low_reliability", "few_quality_indicators"], "indicator": [None, None],
        "verdict": ["internal_only"] * 2, "number": [0.434, 1.0], "limit": [0.5, 2.0],
    },
    schema_overrides={"indicator": pl.String},
)  # fmt: skip
TABLES = {
    "efficiency": EFFICIENCY,
    "suitability": VERDICT,
    "suitability_finding": FINDING,
    "rank_interval": EFFICIENCY.select("service_area", "period", "municipality"),
    "service_area": pl.DataFrame(
        {
            "service_area": ["school", "care"], "title": ["Skola <1-9>", "Äldreomsorg"],
            "statutory": [True, False], "evidence_grade": ["A", "B"],
            "evidence_reason": ["Bra underlag.", "Få mått."],
        }
    ),
    "indicator": pl.DataFrame(
        {"service_area": ["care"], "indicator": ["cost"], "label": ["Kostnad"]}
    ),
    "committee": pl.DataFrame(
        {
            "municipality": ["1489"] * 3, "body": ["Skolnämnden", "Omsorgen", "Valnämnden"],
            "service_area": ["school", "care", None], "is_verified": [True, False, False],
            "valid_from": [date(2015, 1, 1)] * 3, "unmeasured_reason": [None, None, "Bara val."],
        }
    ),
}  # fmt: skip


def test_scores_that_carry_internal_use_only_are_withheld_and_say_so():
    kept = without_withheld(TABLES)

    care = kept["efficiency"].filter(service_area="care")
    assert care["status"].to_list() == ["internal_only", "missing_cost"]
    assert care.select(withheld.NUMBERS).row(0) == (None,) * len(withheld.NUMBERS)
    assert care["n_ranked"].to_list() == [0, 0]
    assert (
        kept["efficiency"]
        .filter(service_area="school")
        .equals(EFFICIENCY.filter(service_area="school"))
    )
    assert kept["rank_interval"]["service_area"].to_list() == ["school"]
    assert kept["efficiency"].columns == EFFICIENCY.columns


def page() -> str:
    areas = [
        SimpleNamespace(
            name=row["service_area"],
            title=row["title"],
            page=f"area/{row['service_area']}.html",
            row=row,
            indicators=TABLES["indicator"].filter(service_area=row["service_area"]).to_dicts(),
        )
        for row in TABLES["service_area"].to_dicts()
    ]
    frame = Frame("1489", "Alingsås", datetime(2026, 9, 1), ("FÖRSLAG",))
    return matrix_page(SimpleNamespace(tables=TABLES, areas=areas), frame).decode()


def test_the_page_lists_every_area_with_its_verdict_and_the_reasons():
    html = page()

    rows = re.findall(r"<tr><th scope=\"row\"><a [^>]*>(.*?)</a></th>(.*?)</tr>", html)
    assert [title for title, _ in rows] == ["Skola &lt;1-9&gt;", "Äldreomsorg"]
    care = rows[1][1]
    assert "endast internt" in care
    assert "1\u00a0234 av 1\u00a0290" in care
    assert (
        "Mer av skillnaderna är slump än inte (tillförlitlighet 0,43); bara 1 kvalitetsmått; minst "
        "2 krävs. Få mått." in care
    )
    assert "Inget att anmärka. Bra underlag." in rows[0][1]


def test_who_answers_is_named_and_what_is_not_confirmed_says_so():
    html = page()

    assert "<td>Skolnämnden</td>" in html
    assert "<td>Omsorgen (ej verifierad)</td>" in html
    assert "<li>Valnämnden: Bara val.</li>" in html
    assert "FÖRSLAG" in html


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.reason)
def test_every_rule_is_said_in_swedish(rule):
    finding = FINDING.head(1).with_columns(reason=pl.lit(rule.reason), indicator=pl.lit("cost"))

    said = reasons_said(finding, {"cost": "Kostnad"})

    assert said
    assert "{" not in said
    assert ("(Kostnad)" in said) == (rule.reason in matrix.NAMED)


def test_every_verdict_has_its_words():
    assert set(matrix.VERDICTS) == set(VERDICTS)
