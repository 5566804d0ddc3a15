"""RKA's recipes as data: what they say, whether Kolada's texts still say it, and their faults."""

import json
import re
from pathlib import Path

import polars as pl
import pytest

from models.areas.service_area import service_areas
from models.areas.successor import ended_after
from models.rka.recipe import (
    RECIPES,
    RkaRecipeError,
    area_recipes,
    definition_flags,
    fingerprint,
)

BY_NAME = {recipe.name: recipe for recipe in area_recipes()}


def catalogue_of(recipes, description="a text"):
    """Return a catalogue in which every KPI of the recipes has its title and a made-up text."""
    rows = {}
    for recipe in recipes:
        for index in (recipe.resource, recipe.quality, recipe.efficiency):
            for each in (index, *getattr(index, "components", ())):
                rows[each.kpi] = {"kpi": each.kpi, "title": each.title, "description": description}
    return pl.DataFrame(list(rows.values()))


def real_catalogue(path: Path) -> pl.DataFrame:
    rows = json.loads(path.read_text(encoding="utf-8"))
    return pl.DataFrame(
        {
            "kpi": [row["id"] for row in rows["values"]],
            "title": [row["title"] for row in rows["values"]],
            "description": [row["description"] for row in rows["values"]],
        }
    )


@pytest.fixture(scope="module")
def catalogue(shared):
    return real_catalogue(shared / "kolada" / "catalogue" / "kpi_2026-03-23_v3.json")


def flags_of(frame):
    return dict(frame.select("kpi", "flag").iter_rows())


def test_there_are_six_areas_with_the_indices_that_the_service_areas_name():
    named = {
        area.name: (area.rka.resource, area.rka.quality, area.rka.efficiency)
        for area in service_areas()
        if area.rka is not None
    }

    made = {name: (r.resource.kpi, r.quality.kpi, r.efficiency.kpi) for name, r in BY_NAME.items()}
    assert len(made) == 6
    assert made == named


def test_an_index_of_one_component_is_scaled_once_and_every_other_twice():
    scalings = {
        index.kpi: index.scalings for recipe in BY_NAME.values() for index in recipe.sides.values()
    }

    once = {kpi for kpi, n in scalings.items() if n == 1}
    assert once == {"U15010", "U17001", "U20008", "U31002"}


def test_only_upper_secondary_quality_is_weighted():
    weights = {
        index.kpi: [each.weight for each in index.components]
        for recipe in BY_NAME.values()
        for index in recipe.sides.values()
    }

    assert weights.pop("U17401") == [75, 25]
    assert all(set(each) == {1} for each in weights.values())


def test_what_is_done_where_a_value_is_missing_is_what_the_texts_say():
    missing = {
        index.kpi: index.missing
        for recipe in BY_NAME.values()
        for index in recipe.sides.values()
        if index.missing != "complete_cases"
    }

    assert missing == {"U28408": "year_before", "U20404": "adjacent_year"}
    donors = {each.kpi: dict(each.donors) for each in BY_NAME["elderly_care"].quality.components}
    assert donors["U23495"] == {2020: 2019, 2021: 2022}
    assert donors["U21454"] == {2021: 2022}
    assert donors["U23401"] == {}


def test_a_component_has_a_last_year_exactly_where_its_title_has():
    for recipe in BY_NAME.values():
        for index in recipe.sides.values():
            for each in index.components:
                assert each.last_period == ended_after(each.title), each.kpi


@pytest.mark.shared
def test_the_recipes_are_written_from_the_texts_of_the_catalogue_of_march_2026(catalogue):
    flags = definition_flags(catalogue, BY_NAME.values())

    assert flags.height == 46
    assert flags["flag"].unique().to_list() == ["unchanged"]
    assert {recipe.catalogue.isoformat() for recipe in BY_NAME.values()} == {"2026-03-23"}


@pytest.mark.shared
def test_against_the_catalogue_of_april_2024_only_one_of_18_index_texts_is_another(shared):
    path = shared / "kolada" / "catalogue" / "kpi_2024-04-06_v2.json"

    flags = definition_flags(real_catalogue(path), BY_NAME.values())

    indices = flags.filter(pl.col("part") == "index", pl.col("flag") != "unchanged")
    assert indices.select("kpi", "flag").rows() == [("U20404", "changed")]
    components = flags_of(flags.filter(pl.col("part") == "component"))
    # Two of its components changed with it, which is why they are taken to be its components.
    assert components["U21454"] == components["U23505"] == "changed"
    assert components["U15459"] == "retitled"  # it had not ended then


def test_another_text_is_flagged_as_changed_and_simulated_data_as_simulated():
    recipes = BY_NAME.values()

    changed = definition_flags(catalogue_of(recipes), recipes)
    simulated = definition_flags(
        catalogue_of(recipes, "Påhittat. Källa: SIMULERADE DATA."), recipes
    )

    assert changed["flag"].unique().to_list() == ["changed"]
    assert simulated["flag"].unique().to_list() == ["simulated"]


def test_an_index_that_is_gone_has_ended_or_is_called_something_else_is_flagged():
    recipes = BY_NAME.values()
    title = pl.col("title")
    catalogue = catalogue_of(recipes).filter(pl.col("kpi") != "U15010")
    catalogue = catalogue.with_columns(
        pl.when(pl.col("kpi") == "U15401")
        .then(title + " (-2025)")
        .when(pl.col("kpi") == "U15900")
        .then(pl.lit("Något annat"))
        .otherwise(title)
    )

    flags = flags_of(definition_flags(catalogue, recipes))

    assert flags["U15010"] == "vanished"
    assert flags["U15401"] == "ended"
    assert flags["U15900"] == "retitled"
    assert flags["U15459"] == "changed"  # that it has ended is in the recipe


def test_a_null_description_is_another_text():
    recipes = list(BY_NAME.values())
    catalogue = catalogue_of(recipes).with_columns(pl.lit(None, pl.String).alias("description"))

    assert definition_flags(catalogue, recipes)["flag"].unique().to_list() == ["changed"]


def test_white_space_does_not_change_a_fingerprint_and_a_letter_does():
    assert fingerprint("a  b\n") == fingerprint("a b")
    assert fingerprint("a b") != fingerprint("a c")
    assert re.fullmatch(r"[0-9a-f]{16}", fingerprint("a b"))


def test_a_catalogue_with_a_kpi_twice_is_refused():
    catalogue = catalogue_of(BY_NAME.values())

    with pytest.raises(ValueError, match="U15900 more than once"):
        definition_flags(
            pl.concat([catalogue, catalogue.filter(pl.col("kpi") == "U15900")]), BY_NAME.values()
        )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('title = "Kommunal grundskola F-9"', "", "the recipe: title is missing"),
        ("scalings = 1", "scalings = 3", "resource: scalings is 3"),
        ("scalings = 2", "scalings = 1", "4 components are scaled once"),
        ('missing = "complete_cases"', 'missing = "zero"', "unknown missing 'zero'"),
        ('direction = "lower"', 'direction = "down"', "component U15049: unknown direction"),
        ('basis = "inferred"', 'basis = "guessed"', "unknown basis 'guessed'"),
        ('basis = "inferred"', 'weight = 0\nbasis = "inferred"', "weight is 0"),
        ('basis = "inferred"', 'donors = { 2020 = 2018 }\nbasis = "named"', "2018 is not beside"),
        ('basis = "inferred"', 'basis = "named"\ncolour = 1', "unknown field 'colour'"),
        ('kpi = "U15049"', 'kpi = "15049"', "kpi is '15049'. Write N or U"),
        ('kpi = "U15049"', 'kpi = "U15010"', "U15010 stands twice"),
        ("[[quality.breaks]]\nperiod = 2022", "[[quality.breaks]]", "period is missing"),
        ("catalogue = 2026-03-23", 'catalogue = "March"', "Make it a date"),
        ("[resource]", "[resource", "is not TOML"),
    ],
)
def test_what_is_wrong_with_a_recipe_is_said(tmp_path, old, new, message):
    text = (RECIPES / "compulsory_school.toml").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "compulsory_school.toml").write_text(text.replace(old, new, 1), encoding="utf-8")

    with pytest.raises(RkaRecipeError, match=re.escape(message)):
        area_recipes(tmp_path)


def test_an_index_without_components_is_refused(tmp_path):
    text = (RECIPES / "compulsory_school.toml").read_text(encoding="utf-8")
    text = text.replace("[[resource.components]]", "[[resource.breaks]]")
    text = text.replace("scalings = 1", "scalings = 1\ncomponents = []", 1)
    (tmp_path / "school.toml").write_text(text, encoding="utf-8")

    with pytest.raises(RkaRecipeError, match="there is no component"):
        area_recipes(tmp_path)


def test_a_folder_without_recipes_is_refused(tmp_path):
    with pytest.raises(RkaRecipeError, match="There is no recipe"):
        area_recipes(tmp_path)
