"""What a service area's file may say, and what it is told when it may not."""

import json
import re
from pathlib import Path

import polars as pl
import pytest

from models.areas.service_area import (
    AREAS,
    Break,
    ServiceAreaError,
    check_against_catalogue,
    formula_frame,
    indicator_frame,
    read_service_area,
    service_area_frame,
    service_areas,
)
from models.contracts.definitions import Formula, IndicatorTable, ServiceAreaTable

AREA = """
title = "Skola"
first_period = 2015
statutory = true
regi = "kommunal"
peer_group = "grundskola"
evidence_grade = "A"
evidence_reason = "Ett prov."
"""
COST = """
[indicators.cost_sek]
kpi = "U15049"
title = "Kostnad"
label = "Kostnad"
unit = "kr"
role = "cost"
direction = "lower"
regi = "kommunal"
why = "It is paid."
source = "SCB"
"""
QUALITY = """
[indicators.merit_points]
kpi = "N15505"
title = "Meritvärde"
label = "Meritvärde"
unit = "poäng"
role = "quality"
direction = "higher"
regi = "kommunal"
why = "It is wanted."
source = "Skolverket"
"""
CONTEXT = """
[indicators.parents_pct]
kpi = "N15820"
title = "Föräldrar"
label = "Föräldrar"
unit = "%"
role = "context"
regi = "lägeskommun"
why = "Nobody chose it."
source = "Skolverket"
"""
FILE = AREA + COST + QUALITY


def read(folder: Path, text: str, name: str = "school"):
    (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    return read_service_area(folder / f"{name}.toml")


def test_a_file_becomes_an_area_with_its_defaults(tmp_path):
    area = read(tmp_path, FILE + CONTEXT)

    assert area.name == "school"
    assert (area.minimum_share, area.decision, area.last_period, area.breaks) == (
        0.7,
        None,
        None,
        (),
    )
    merit = area.with_role("quality")[0]
    assert (merit.kpi, merit.direction, merit.weight, merit.carry_forward) == (
        "N15505",
        "higher",
        1.0,
        0,
    )
    assert (merit.first_period, merit.plausible, merit.zero) == (2015, None, None)
    assert (area.orientation, area.rts) == ("input", "vrs")
    assert area.with_role("context")[0].direction is None


def test_what_the_file_says_beats_the_defaults(tmp_path):
    area = read(
        tmp_path,
        AREA
        + 'minimum_share = 0.9\ndecision = "KS 2026 § 1"\nlast_period = 2020\n'
        + 'orientation = "output"\nrts = "ndrs"\n'
        + '[[breaks]]\nperiod = 2019\nreason = "Ny metod."\n'
        + COST
        + QUALITY
        + "weight = 3\ncarry_forward = 1\nfirst_period = 2018\nplausible = [50, 340]\nzero = 40\n",
    )

    assert (area.minimum_share, area.decision, area.last_period) == (0.9, "KS 2026 § 1", 2020)
    assert area.breaks == (Break(2019, "Ny metod."),)
    merit = area.with_role("quality")[0]
    assert (merit.weight, merit.carry_forward, merit.first_period) == (3.0, 1, 2018)
    assert (merit.plausible, merit.zero) == ((50.0, 340.0), 40.0)
    assert (area.orientation, area.rts) == ("output", "ndrs")


def test_an_area_cannot_be_changed(tmp_path):
    area = read(tmp_path, FILE)

    with pytest.raises(AttributeError):
        area.regi = "hemkommun"


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('regi = "kommunal"\npeer', 'regi = "privat"\npeer', "unknown regi 'privat'"),
        ('grade = "A"', 'grade = "E"', "unknown evidence_grade 'E'. Use one of A, B, C, D"),
        ("statutory = true", "statutory = 1", "statutory is 1. Make it true or false"),
        ("first_period = 2015", "first_period = true", "first_period is True. Make it a whole"),
        ('title = "Skola"', 'title = " "', "the area: title is ' '. Make it a text"),
        ('title = "Skola"', "", "the area: title is missing"),
        ("statutory = true", "statutory = true\ngoal = 1", "the area: unknown field 'goal'"),
        ("statutory = true", "statutory = true\nminimum_share = 70", "minimum_share is 70"),
        ("statutory = true", "statutory = true\nminimum_share = nan", "minimum_share is nan"),
        ("statutory = true", 'statutory = true\nrts = "irs"', "unknown rts 'irs'. Use one of crs"),
        ("statutory = true", 'statutory = true\norientation = "in"', "unknown orientation 'in'"),
        ('role = "cost"', 'role = "cost"\nzero = inf', "zero is inf. It must be a finite number"),
        ("statutory = true", "statutory = true\nlast_period = 2014", "2014 is before first_period"),
        ("statutory = true", "statutory = true\nbreaks = [2019]", "break number 1 is not a table"),
        ('role = "cost"', 'role = "input"', r"cost_sek \(U15049\): unknown role 'input'"),
        ('role = "cost"', 'role = ["cost"]', r"role is \['cost'\]. Make it a text"),
        ('direction = "lower"', 'direction = "down"', "unknown direction 'down'"),
        ('direction = "lower"\n', "", "role 'cost' needs a direction"),
        ('kpi = "U15049"', 'kpi = "15049"', "N or U and five digits"),
        ('why = "It is paid."\n', "", r"cost_sek \(U15049\): why is missing"),
        ('unit = "kr"', 'unit = "kr"\nunits = "kr"', "unknown field 'units'"),
        ('unit = "kr"', 'unit = "kr"\nweight = 0', "weight is 0. It must be above 0"),
        ('unit = "kr"', 'unit = "kr"\ncarry_forward = 2', "carry_forward is 2.*one year at most"),
        ('unit = "kr"', 'unit = "kr"\nplausible = [9, 1]', r"plausible is \[9, 1\]"),
        ('unit = "kr"', 'unit = "kr"\nplausible = [0, inf]', r"plausible is \[0, inf\]"),
        ("[indicators.cost_sek]", "[indicators.Cost]", r"Cost \(U15049\): the name must be"),
        ('kpi = "N15505"', 'kpi = "U15049"', "put U15049 on both sides, cost and quality"),
        ('role = "quality"', 'role = "control"', "no indicator has the role 'quality'"),
    ],
)
def test_a_fault_is_told_with_its_place_and_remedy(tmp_path, before, after, message):
    assert FILE.count(before) == 1

    with pytest.raises(ServiceAreaError, match=message) as error:
        read(tmp_path, FILE.replace(before, after))

    assert f"{tmp_path.name}/school.toml: 1 fault." in str(error.value)


PART = """
[indicators.net_cost]
kpi = "N18004"
title = "Nettokostnad"
label = "Nettokostnad"
unit = "kr/inv"
role = "part"
regi = "kommunal"
why = "a test"
source = "a test"

[indicators.reference]
kpi = "N00153"
title = "Referenskostnad"
label = "Referenskostnad"
unit = "kr/inv"
role = "context"
regi = "kommunal"
why = "a test"
source = "a test"
"""
COMPUTED = COST.replace(
    'kpi = "U15049"', 'sum_of = ["net_cost"]\nrelative_to = "reference"'
).replace('unit = "kr"', 'unit = "%"')


def test_a_cost_may_be_computed_from_other_indicators(tmp_path):
    area = read(tmp_path, AREA + COMPUTED + QUALITY + PART)

    (cost,) = area.with_role("cost")
    assert (cost.kpi, cost.sum_of, cost.relative_to) == (None, ("net_cost",), "reference")
    assert area.kpis == {"N15505", "N18004", "N00153"}
    assert formula_frame([area]).rows() == [
        ("school", "cost_sek", "net_cost", False),
        ("school", "cost_sek", "reference", True),
    ]
    Formula.validate(formula_frame([area]), lazy=True)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('sum_of = ["net_cost"]', 'kpi = "U15049"\nsum_of = ["net_cost"]', "both a kpi and sum_of"),
        (
            'sum_of = ["net_cost"]\nrelative_to = "reference"',
            "",
            "both a kpi and sum_of, or neither",
        ),
        ('relative_to = "reference"', "", "sum_of and relative_to go together"),
        ('relative_to = "reference"', 'relative_to = "gone"', "it is computed from 'gone', which"),
        ('unit = "%"', 'unit = "kr"', "a deviation in %, and the unit is 'kr'"),
        ('sum_of = ["net_cost"]', 'sum_of = ["reference"]', "nothing is computed from this part"),
    ],
)
def test_a_formula_that_cannot_be_computed_is_refused(tmp_path, old, new, message):
    with pytest.raises(ServiceAreaError, match=re.escape(message)):
        read(tmp_path, AREA + COMPUTED.replace(old, new) + QUALITY + PART)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('title = "Kostnad"', 'title = "Lokalkostnad, andel (%)"', "is a share of a cost"),
        ('title = "Kostnad"', 'title = "Referenskostnad, kr/inv"', "is what is expected and not"),
        (
            'title = "Meritvärde"',
            'title = "Meritvärde, modellberäknat värde"',
            "is what is expected and not what came of it",
        ),
        (
            'title = "Meritvärde"',
            'title = "Lärare (heltidstjänster) med lärarlegitimation"',
            "is an input, which costs and is counted as a cost already",
        ),
        ('role = "cost"', 'role = "cost"\nis_input = true', "only quality can be an input"),
        ('kpi = "N15505"', 'kpi = "U15049"', "put U15049 on both sides"),
        (
            'regi = "kommunal"\nwhy = "It is wanted."',
            'regi = "hemkommun"\nwhy = "It is wanted."',
            "would describe different groups",
        ),
        (
            'regi = "kommunal"\nwhy = "It is wanted."',
            'regi = "kommunal"\nregi_reason = "Nästan alla."\nwhy = "It is wanted."',
            "regi_reason explains no difference",
        ),
        ('title = "Skola"', 'title = "Skola"\nrka = { resource = "U15010" }', "quality is missing"),
        (
            'title = "Skola"',
            'title = "Skola"\nrka = { resource = "N15010", quality = "U1", efficiency = "U15900" }',
            "rka: resource is 'N15010'. An index's id is U and five digits",
        ),
    ],
)
def test_what_others_have_mistaken_for_cost_or_quality_is_refused(tmp_path, old, new, message):
    assert old in FILE

    with pytest.raises(ServiceAreaError, match=re.escape(message)):
        read(tmp_path, FILE.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('title = "Kostnad"', 'title = "Nettokostnadsavvikelse totalt, andel (%)"'),
        ('title = "Meritvärde"', 'title = "Meritvärde, avvikelse från modellberäknat värde"'),
        (
            'title = "Meritvärde"',
            'title = "Lärare (heltidstjänster) med lärarlegitimation"\nis_input = true',
        ),
        (
            'regi = "kommunal"\nwhy = "It is wanted."',
            'regi = "hemkommun"\nregi_reason = "Nästan alla."\nwhy = "It is wanted."',
        ),
    ],
)
def test_what_only_looks_like_such_a_mistake_is_let_through(tmp_path, old, new):
    assert old in FILE

    assert read(tmp_path, FILE.replace(old, new)).title == "Skola"


ANSWERS = """
[indicators.respondents]
kpi = "U99999"
title = "Svarande, antal"
label = "Svarande"
unit = "personer"
role = "answers"
regi = "kommunal"
why = "a test"
source = "a test"
"""


def test_a_share_names_the_indicator_that_counts_its_answers(tmp_path):
    share = FILE.replace('unit = "poäng"', 'unit = "%"\nanswers = "respondents"')

    area = read(tmp_path, share + ANSWERS)

    assert [each.answers for each in area.with_role("quality")] == ["respondents"]
    assert [each.name for each in area.with_role("answers")] == ["respondents"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('unit = "poäng"', 'unit = "%"\nanswers = "nobody"', "answers names 'nobody', which is no"),
        ('unit = "poäng"', 'unit = "%"\nmargin = "respondents"', "margin names 'respondents'"),
        ('unit = "poäng"', 'unit = "poäng"\nanswers = "respondents"', "its unit is 'poäng'"),
        ('unit = "poäng"', 'unit = "poäng"', "nobody names it as answers"),
        ('role = "quality"', 'role = "context"\nmargin = "m"', "noise that counts, not 'context'"),
        ('unit = "poäng"', 'unit = "poäng"\nassumed_sd = 2', "go together. Give both"),
        (
            'unit = "poäng"',
            'unit = "poäng"\nassumed_sd = 0\nassumed_sd_reason = "x"',
            "assumed_sd is 0. It must be above 0",
        ),
        (
            'unit = "poäng"',
            'unit = "poäng"\nassumed_sd = "2"\nassumed_sd_reason = "x"',
            "assumed_sd is '2'. Make it a number",
        ),
    ],
)
def test_a_source_of_noise_that_makes_no_sense_is_refused(tmp_path, old, new, message):
    with pytest.raises(ServiceAreaError, match=re.escape(message)):
        read(tmp_path, FILE.replace(old, new) + ANSWERS)


def test_a_zero_is_of_cost_and_quality_only(tmp_path):
    with pytest.raises(ServiceAreaError, match="only cost and quality have a zero, not 'context'"):
        read(tmp_path, FILE + CONTEXT + "zero = 0\n")


def test_a_kpi_may_have_one_part_only(tmp_path):
    again = CONTEXT.replace("N15820", "N15505")

    with pytest.raises(ServiceAreaError, match="merit_points and parents_pct are both N15505"):
        read(tmp_path, FILE + again)


def test_only_cost_and_quality_are_weighted(tmp_path):
    with pytest.raises(ServiceAreaError, match=r"parents_pct \(N15820\): only cost and quality"):
        read(tmp_path, FILE + CONTEXT + "weight = 1\n")


@pytest.mark.parametrize("regi", ["hemkommun", "lägeskommun"])
def test_cost_and_quality_are_about_the_areas_own_regi(tmp_path, regi):
    other = QUALITY.replace('regi = "kommunal"', f'regi = "{regi}"')

    with pytest.raises(ServiceAreaError, match=rf"merit_points \(N15505\): regi '{regi}'"):
        read(tmp_path, AREA + COST + other)


def test_grade_d_may_be_without_quality(tmp_path):
    area = read(tmp_path, AREA.replace('"A"', '"D"') + COST)

    assert area.with_role("quality") == ()


def test_all_faults_are_counted_and_five_are_told(tmp_path):
    faulty = FILE.replace('regi = "kommunal"', 'regi = "x"').replace("direction", "better")

    with pytest.raises(ServiceAreaError, match="7 faults") as error:
        read(tmp_path, faulty)

    assert str(error.value).count("\n  - ") == 6
    assert str(error.value).endswith("and 2 more, shown when these are gone")


def test_a_file_that_is_not_toml_is_named(tmp_path):
    with pytest.raises(ServiceAreaError, match=r"school\.toml is not TOML.*line 1"):
        read(tmp_path, "title = Skola")


def test_a_file_name_that_cannot_name_a_row_is_refused(tmp_path):
    with pytest.raises(ServiceAreaError, match="'My school'"):
        read(tmp_path, FILE, name="My school")


def test_a_folder_gives_its_areas_by_name_and_an_empty_one_is_refused(tmp_path):
    with pytest.raises(ServiceAreaError, match="no service area"):
        service_areas(tmp_path)

    for name in ("school", "care", "arts"):
        read(tmp_path, FILE, name)

    assert [area.name for area in service_areas(tmp_path)] == ["arts", "care", "school"]


CATALOGUE = {"U15049": "Kostnad", "N15505": "Meritvärde"}


def catalogue(*new: tuple[str, str, str], **changed: str) -> pl.DataFrame:
    """The two KPIs of the file, some of them retitled, and new ones with their descriptions."""
    rows = [(kpi, title, "") for kpi, title in (CATALOGUE | changed).items()]
    frame = pl.DataFrame([*rows, *new], schema=["kpi", "title", "description"], orient="row")
    return frame.with_columns(pl.col("kpi").eq("N15505").alias("has_ou_data"))


def test_the_catalogue_may_hold_the_kpis_as_they_are(tmp_path):
    check_against_catalogue([read(tmp_path, FILE)], catalogue())


def test_a_kpi_outside_the_catalogue_is_refused(tmp_path):
    with pytest.raises(ServiceAreaError, match=r"school, indicator merit_points \(N15505\) is not"):
        check_against_catalogue([read(tmp_path, FILE)], catalogue().filter(kpi="U15049"))


@pytest.mark.parametrize(
    ("description", "told"),
    [
        ("Ersätter N15505.", r"replaced by N15500, 'Poäng': compare"),
        (
            "Ersätter men ej jämförbart med N15505.",
            r"replaced by N15500, 'Poäng' and that the two are not comparable: .* breaks",
        ),
    ],
)
@pytest.mark.parametrize("title", [None, "Meritvärde (-2024)"])
def test_what_kolada_says_has_replaced_a_kpi_is_named(tmp_path, title, description, told):
    known = catalogue(("N15500", "Poäng", description), N15505=title or "Meritvärde")
    known = known if title else known.filter(pl.col("kpi") != "N15505")

    with pytest.raises(ServiceAreaError, match=rf"\(N15505\).*Kolada says that it is {told}"):
        check_against_catalogue([read(tmp_path, FILE)], known)


def test_the_same_title_under_another_id_is_named_as_likely(tmp_path):
    known = catalogue(("N15500", "Meritvärde", ""), N15505="Meritvärde (-2024)")

    with pytest.raises(ServiceAreaError, match="that of N15500, 'Meritvärde', which is likely"):
        check_against_catalogue([read(tmp_path, FILE)], known)


def test_a_kpi_that_is_gone_is_told_with_its_last_title_and_what_it_said(tmp_path):
    known = catalogue(("N15500", "Poäng", "")).filter(pl.col("kpi") != "N15505")
    earlier = pl.DataFrame(
        {
            "kpi": ["N15505"],
            "title": ["Meritvärde (-2024)"],
            "description": ["Ersatt av N15500. Källa: SCB."],
        }
    )

    with pytest.raises(
        ServiceAreaError,
        match=r"catalogue, where it was 'Meritvärde \(-2024\)'\..*replaced by N15500, 'Poäng'",
    ):
        check_against_catalogue([read(tmp_path, FILE)], known, earlier=earlier)


def test_titles_that_are_formulas_or_have_lines_do_not_break_the_message(tmp_path):
    odd = '=HYPERLINK("http://x.test")\n  - {0} %s'
    known = catalogue(("N15500", odd, "Ersätter N15505."), U15049=f"{odd} (-2024)")
    known = known.filter(pl.col("kpi") != "N15505")

    with pytest.raises(ServiceAreaError) as error:
        check_against_catalogue([read(tmp_path, FILE)], known)

    first, cost, merit = str(error.value).split("\n")
    assert first.endswith("catalogue: 2 faults.")
    assert repr(f"{odd} (-2024)") in cost
    assert f"N15500, {odd!r}: compare" in merit


def test_a_title_in_a_command_to_copy_is_quoted_for_the_shell(tmp_path):
    file = FILE.replace('title = "Meritvärde"', "title = 'Känner du dig \"trygg\" $(ls)?'")

    with pytest.raises(
        ServiceAreaError, match=r"""kolada kpi 'Känner du dig "trygg" \$\(ls\)\?'`"""
    ):
        check_against_catalogue([read(tmp_path, file)], catalogue().filter(kpi="U15049"))


def test_units_are_asked_for_only_where_kolada_has_them(tmp_path):
    with_units = FILE.replace('kpi = "N15505"', 'kpi = "N15505"\nunit_data = true')
    check_against_catalogue([read(tmp_path, with_units)], catalogue())

    without = FILE.replace('kpi = "U15049"', 'kpi = "U15049"\nunit_data = true')
    with pytest.raises(ServiceAreaError, match=r"\(U15049\) has no values of units at Kolada"):
        check_against_catalogue([read(tmp_path, without)], catalogue())


def test_another_title_is_refused_and_both_are_shown(tmp_path):
    with pytest.raises(ServiceAreaError, match=r"\(N15505\).*'Meritvarde' at K.*'Meritvärde'"):
        check_against_catalogue([read(tmp_path, FILE)], catalogue(N15505="Meritvarde"))


@pytest.mark.parametrize("ending", ["(-2024)", "(- 2024)", " (-2024) "])
def test_an_ended_kpi_is_refused_also_when_the_file_has_its_title(tmp_path, ending):
    title = f"Meritvärde {ending}"
    area = read(tmp_path, FILE.replace('title = "Meritvärde"', f'title = "{title}"'))

    with pytest.raises(ServiceAreaError, match=r"merit_points \(N15505\) has ended.*after 2024"):
        check_against_catalogue([area], catalogue(N15505=title))


def test_faults_beside_the_catalogue_are_counted_over_all_areas(tmp_path):
    areas = [read(tmp_path, FILE, name) for name in ("arts", "care", "school")]

    with pytest.raises(ServiceAreaError, match="catalogue: 6 faults"):
        check_against_catalogue(areas, catalogue().clear())


def test_the_tables_hold_every_area_and_indicator(tmp_path):
    areas = [read(tmp_path, FILE + CONTEXT, "school"), read(tmp_path, FILE, "care")]

    area_table = ServiceAreaTable.validate(service_area_frame(areas), lazy=True)
    indicator_table = IndicatorTable.validate(indicator_frame(areas), lazy=True)

    assert area_table["service_area"].to_list() == ["care", "school"]
    assert indicator_table.select("service_area", "indicator").rows() == [
        ("care", "cost_sek"),
        ("care", "merit_points"),
        ("school", "cost_sek"),
        ("school", "merit_points"),
        ("school", "parents_pct"),
    ]


def test_the_official_areas_can_be_read_and_are_proposals_until_decided():
    areas = service_areas()

    assert len(areas) == 20
    assert {area.decision for area in areas} == {None}
    by_grade = {grade: [a.name for a in areas if a.evidence_grade == grade] for grade in "ABCD"}
    assert {grade: len(names) for grade, names in by_grade.items()} == {
        "A": 5, "B": 4, "C": 9, "D": 2,
    }  # fmt: skip
    # RKA has indices of six services.
    assert sum(area.rka is not None for area in areas) == 6
    ServiceAreaTable.validate(service_area_frame(areas), lazy=True)
    IndicatorTable.validate(indicator_frame(areas), lazy=True)


def test_all_quality_of_elderly_care_may_be_a_year_old_but_not_its_cost():
    elderly_care = next(area for area in service_areas() if area.name == "elderly_care")

    assert {each.carry_forward for each in elderly_care.with_role("quality")} == {1}
    assert {each.carry_forward for each in elderly_care.with_role("cost")} == {0}


@pytest.mark.shared
@pytest.mark.parametrize("folder", ["areas", "areas_recorded"])
def test_every_area_agrees_with_the_real_catalogue(shared, folder):
    catalogue_file = shared / "kolada/catalogue/kpi_2026-03-23_v3.json"
    rows = json.loads(catalogue_file.read_text(encoding="utf-8"))["values"]
    kpi = pl.DataFrame(
        [(row["id"], row["title"], row["description"], row["has_ou_data"]) for row in rows],
        schema=["kpi", "title", "description", "has_ou_data"],
        orient="row",
    )

    check_against_catalogue(service_areas(AREAS.parent / folder), kpi)
