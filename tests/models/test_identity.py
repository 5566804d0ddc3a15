"""The equations that Kolada's figures satisfy, as their file gives them."""

import json
import re

import pytest

from models.contracts.definitions import IdentityTerm
from models.identity import IdentityError, identities, identity_frame

FILE = """
[care_pct]
form = "percent"
tolerance = 0.15
published = { kpi = "N20900", title = "Avvikelse" }
net = [{ kpi = "N20014", title = "Netto" }]
reference = [{ kpi = "N20016", title = "Referens" }]
"""


def read(folder, text):
    (folder / "identities.toml").write_text(text, encoding="utf-8")
    return identities(folder / "identities.toml")


def test_seven_services_have_two_equations_each_and_the_total_one():
    found = identities()

    assert [each.form for each in found].count("percent") == 8
    assert len(found) == 15
    frame = IdentityTerm.validate(identity_frame(found), lazy=True)
    assert frame.filter(identity="all_but_lss_pct").height == 1 + 6 + 6


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"percent"', '"share"', "unknown form 'share'. Use one of percent, million_kronor"),
        ('"percent"', '"million_kronor"', "inhabitants turn kronor per inhabitant into million"),
        ("tolerance = 0.15", "", "care_pct: tolerance is missing. Add a number"),
        (', title = "Netto"', "", "care_pct, net: title is missing"),
        ("form", "shape = 1\nform", "unknown field 'shape'"),
    ],
)
def test_an_equation_that_makes_no_sense_is_refused(tmp_path, old, new, message):
    with pytest.raises(IdentityError, match=re.escape(message)):
        read(tmp_path, FILE.replace(old, new))


@pytest.mark.shared
def test_every_title_is_that_of_the_real_catalogue(shared):
    text = (shared / "kolada/catalogue/kpi_2026-03-23_v3.json").read_text(encoding="utf-8")
    titles = {row["id"]: row["title"] for row in json.loads(text)["values"]}

    for kpi, title in identity_frame(identities()).select("kpi", "title").iter_rows():
        assert titles[kpi] == title
