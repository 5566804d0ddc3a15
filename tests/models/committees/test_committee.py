"""Who answers for what, and what a mapping may not say."""

import re
from datetime import date

import pytest

from models.areas.service_area import service_areas
from models.committees.committee import CommitteeError, bodies, committee_frame
from models.contracts.definitions import Committee

BODY = """
[[bodies]]
name = "Skolnämnden"
kind = "committee"
service_areas = ["school"]
valid_from = 2015-01-01
is_verified = true
source = "Reglementet."
"""
FILE = 'municipality = "1489"\n' + BODY


def read(folder, text, name="1489"):
    (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    return bodies(["school", "care"], folder=folder)


def test_in_alingsas_somebody_answers_for_every_service_area_and_nothing_is_confirmed():
    found = bodies(area.name for area in service_areas())

    frame = Committee.validate(committee_frame(found), lazy=True)
    answered = frame.drop_nulls("service_area")
    assert set(answered["service_area"]) == {area.name for area in service_areas()}
    assert answered["service_area"].is_unique().all()
    assert not frame["is_verified"].any()
    assert frame.filter(kind="company")["unmeasured_reason"].is_not_null().all()


def test_an_area_that_moves_has_a_row_for_each_who_answered(tmp_path):
    moved = BODY.replace("Skolnämnden", "Bildningsnämnden").replace("2015", "2020")
    ended = FILE.replace("is_verified", "valid_to = 2019-12-31\nis_verified")

    frame = committee_frame(read(tmp_path, ended + moved))

    assert frame.select("body", "valid_from", "valid_to").rows() == [
        ("Bildningsnämnden", date(2020, 1, 1), None),
        ("Skolnämnden", date(2015, 1, 1), date(2019, 12, 31)),
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('["school"]', '["gone"]', "Skolnämnden answers for gone, which are no service areas"),
        ('["school"]', "[]", "answers for no service area and does not say why"),
        ("is_verified = true", "", "is_verified is missing. Add true or false"),
        ("2015-01-01", '"2015"', "valid_from is '2015'. Make it a date, such as 2026-09-01"),
        ('"committee"', '"board"', "unknown kind 'board'. Use one of committee, federation"),
        ("source =", "sauce = 1\nsource =", "unknown field 'sauce'"),
        ("2015-01-01", "2015-01-01\nvalid_to = 2014-01-01", "ends before it begins"),
        ('"1489"', '"0180"', "the file is of 0180 and is named 1489"),
        ("municipality", "municipality =", "is not TOML"),
    ],
)
def test_a_mapping_that_makes_no_sense_is_refused(tmp_path, old, new, message):
    with pytest.raises(CommitteeError, match=re.escape(message)):
        read(tmp_path, FILE.replace(old, new))


def test_two_may_not_answer_for_the_same_area_at_the_same_time(tmp_path):
    with pytest.raises(CommitteeError, match="answer for school at the same time"):
        read(tmp_path, FILE + BODY.replace("Skolnämnden", "Bildningsnämnden"))
