from dataclasses import replace
from datetime import date

import polars as pl
import pytest

from models.areas.service_area import RkaIndices, service_areas
from models.peer_sets.check import check_no_outcomes, check_titles
from models.peer_sets.definition import (
    PEER_SETS,
    Likeness,
    PeerDefinitionError,
    Variable,
    likenesses,
    peer_lists,
    read_likeness,
    read_peer_list,
)

LIKENESS = """
title = "Liknande storlek"
standardisation = "robust"
distance = "euclidean"
k = 10

[variables.population]
kpi = "N01951"
title = "Invånare totalt, antal"
log = true
weight = 2
why = "a test"

[variables.oldest_pct]
kpi = "N01813"
title = "Invånare 80+, andel (%)"
why = "a test"
"""
LIST = """
title = "Nämndens val"
municipality = "1489"
peers = ["0381", "0486"]
decided_by = "Barn- och ungdomsnämnden § 12"
decided_on = 2025-09-01
why = "a test"
"""


@pytest.fixture
def written(tmp_path):
    """Writes a definition and returns its path."""

    def write(text: str, name: str = "size"):
        path = tmp_path / f"{name}.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def likeness_of(*kpis: str, service_area: str | None = None) -> Likeness:
    variables = [
        Variable(f"variable_{kpi}", kpi, f"Nyckeltal {kpi}", False, 1.0, "") for kpi in kpis
    ]
    return Likeness("size", "Storlek", service_area, "z", "euclidean", 5, None, tuple(variables))


def test_a_likeness_is_read_with_its_defaults(written):
    likeness = read_likeness(written(LIKENESS))

    assert (likeness.name, likeness.k, likeness.standardisation) == ("size", 10, "robust")
    assert likeness.service_area is None
    assert [(each.kpi, each.is_log, each.weight) for each in likeness.variables] == [
        ("N01951", True, 2.0),
        ("N01813", False, 1.0),
    ]


def test_a_peer_list_says_who_decided_and_when(written):
    chosen = read_peer_list(written(LIST, "board_choice"))

    assert chosen.peers == ("0381", "0486")
    assert chosen.decided_by == "Barn- och ungdomsnämnden § 12"
    assert chosen.decided_on == date(2025, 9, 1)


def test_a_folder_is_read_in_the_order_of_the_names(written, tmp_path):
    for name in ("b", "a"):
        written(LIST, name)

    assert [each.name for each in peer_lists(tmp_path)] == ["a", "b"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("k = 10", "k = 0", "k is 0"),
        ("k = 10", "k = true", "k is True. Make it a whole number"),
        ("k = 10", "", "k is missing"),
        ("k = 10", "k = 10\nperiods = 1", "unknown field 'periods'"),
        ('"robust"', '"median"', "unknown standardisation 'median'"),
        ('"euclidean"', '"cosine"', "unknown distance 'cosine'"),
        ('"euclidean"', '"mahalanobis"', "Use standardisation 'z' with it"),
        ("weight = 2", "weight = 0", "population: its weight is 0"),
        ("weight = 2", "weight = inf", "population: its weight is inf"),
        ('"N01813"', '"N01951"', "N01951 is there more than once"),
        ('"N01813"', '"01813"', "oldest_pct: '01813' is no KPI"),
        ("oldest_pct", "Oldest", "Oldest: the name must be of a-z"),
        ('title = "Invånare 80+, andel (%)"', "", "oldest_pct: title is missing"),
        ("[variables.oldest_pct]", "[variables]", "the variable kpi is not a table"),
        ("k = 10", "k = ", "is not TOML"),
    ],
)
def test_a_faulty_likeness_is_refused_by_field(written, old, new, message):
    path = written(LIKENESS.replace(old, new, 1))

    with pytest.raises(PeerDefinitionError, match=message):
        read_likeness(path)


def test_all_faults_of_a_file_are_told_at_once(written):
    path = written(LIKENESS.replace("k = 10", "k = 0").replace("weight = 2", "weight = -1"))

    with pytest.raises(PeerDefinitionError, match=r"2 faults(.|\n)*k is 0(.|\n)*weight is -1"):
        read_likeness(path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("2025-09-01", '"2025-09-01"', "Write the day, without quotes"),
        ("2025-09-01", "2025-09-01T10:00:00", "Write the day, without quotes"),
        ("decided_on = 2025-09-01", "", "decided_on is None"),
        ('decided_by = "Barn- och ungdomsnämnden § 12"', "", "decided_by is missing"),
        ('"0486"', '"1489"', "1489 is among its own peers"),
        ('"0486"', '"0381"', "0381 is among the peers more than once"),
        ('"0486"', "486", "486 is no municipality"),
        ('"1489"', '"Alingsås"', "'Alingsås' is no municipality"),
        ('["0381", "0486"]', "[]", "peers is empty"),
    ],
)
def test_a_faulty_peer_list_is_refused_by_field(written, old, new, message):
    path = written(LIST.replace(old, new, 1))

    with pytest.raises(PeerDefinitionError, match=message):
        read_peer_list(path)


@pytest.mark.parametrize("name", ["kolada", "skr", "skr_2023", "Size", "a-b"])
def test_a_name_that_is_taken_or_names_no_set_is_refused(written, name):
    with pytest.raises(PeerDefinitionError, match=f"the name '{name}' must be"):
        read_peer_list(written(LIST, name))


def test_a_folder_without_definitions_is_refused(tmp_path):
    with pytest.raises(PeerDefinitionError, match="There is no definition"):
        likenesses(tmp_path)


@pytest.mark.parametrize("role", ["cost", "unadjusted_cost", "quality", "guardrail", "control"])
def test_an_outcome_of_any_area_is_refused_with_all_its_names(area_of, indicator_of, role):
    area = area_of("elderly")
    outcome = indicator_of("a_measure", role, "lower", kpi="N30000")
    areas = [area_of("school"), replace(area, indicators=(*area.indicators, outcome))]
    likeness = likeness_of("N01951", "N30000", service_area="school")

    with pytest.raises(
        PeerDefinitionError,
        match=rf"variable_N30000 \(N30000\) is the {role} a_measure of elderly",
    ):
        check_no_outcomes(likeness, areas)


def test_a_condition_may_be_matched_on_unless_it_is_an_outcome_elsewhere(area_of, indicator_of):
    school, elderly = area_of("school"), area_of("elderly")
    context = indicator_of("foreign_pct", "context", None, kpi="N30000")
    quality = indicator_of("foreign_pct", "quality", "higher", kpi="N30000")
    school = replace(school, indicators=(*school.indicators, context))

    check_no_outcomes(likeness_of("N30000"), [school, elderly])

    elderly = replace(elderly, indicators=(*elderly.indicators, quality))
    with pytest.raises(PeerDefinitionError, match="the quality foreign_pct of elderly"):
        check_no_outcomes(likeness_of("N30000"), [school, elderly])


def test_a_part_of_an_outcome_is_refused_and_what_it_is_compared_with_is_not(area_of, indicator_of):
    area = area_of()
    part = indicator_of("net_cost", "part", None, kpi="N30001")
    reference = indicator_of("reference_cost", "part", None, kpi="N30002")
    deviation = replace(
        indicator_of("deviation_pct", "cost", "lower", kpi="N30003"),
        kpi=None,
        sum_of=("net_cost",),
        relative_to="reference_cost",
    )
    area = replace(area, indicators=(*area.indicators, part, reference, deviation))

    check_no_outcomes(likeness_of("N30002"), [area])

    with pytest.raises(PeerDefinitionError, match="a part of the cost deviation_pct of school"):
        check_no_outcomes(likeness_of("N30001"), [area])


def test_rkas_own_indices_are_outcomes(area_of):
    area = replace(area_of(), rka=RkaIndices("U30001", "U30002", "U30003"))

    for kpi in ("U30001", "U30002", "U30003"):
        with pytest.raises(PeerDefinitionError, match=rf"\({kpi}\) is RKA's index of school"):
            check_no_outcomes(likeness_of(kpi), [area])


def test_a_likeness_for_an_area_that_is_not_there_is_refused(area_of):
    with pytest.raises(PeerDefinitionError, match="service area 'schol', which there is none of"):
        check_no_outcomes(likeness_of("N01951", service_area="schol"), [area_of()])


def test_a_kpi_counts_only_with_its_title():
    catalogue = pl.DataFrame({"kpi": ["N01951"], "title": ["Nyckeltal N01951"]})

    check_titles(likeness_of("N01951"), catalogue)

    with pytest.raises(PeerDefinitionError, match="whose title is None in the catalogue"):
        check_titles(likeness_of("N01952"), catalogue)


def test_the_proposed_likenesses_match_on_no_outcome_of_the_official_areas():
    areas = service_areas()

    for likeness in likenesses():
        check_no_outcomes(likeness, areas)

    assert {each.name for each in likenesses()} == {path.stem for path in PEER_SETS.glob("*.toml")}
    assert all(each.k >= 20 for each in likenesses())  # as many as places are taken among


@pytest.mark.shared
def test_the_proposed_likenesses_name_kpis_that_kolada_has(shared):
    catalogue = pl.read_json(shared / "kolada/catalogue/kpi_2026-03-23_v3.json")
    kpi = catalogue.explode("values").unnest("values").select(kpi="id", title="title")

    for likeness in likenesses():
        check_titles(likeness, kpi)

    assert kpi.height > 6000
