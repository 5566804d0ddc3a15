import numpy as np
import pytest
from numpy.testing import assert_array_equal

from models.frontier.technology import (
    FrontierError,
    FrontierWarning,
    Labels,
    check_choice,
    checked,
    dmu_name,
)

INPUTS = np.linspace(1.0, 2.0, 6)[:, np.newaxis]
OUTPUTS = np.linspace(3.0, 4.0, 6)[:, np.newaxis]
LABELS = Labels(
    dmu=["Ale", "Alingsås", "Arboga", "Boden", "Eda", "Eksjö"], inputs=["cost"], outputs=["grades"]
)


def with_value(value: float) -> np.ndarray:
    changed = OUTPUTS.copy()
    changed[1, 0] = value
    return changed


def test_good_data_come_back_as_they_are():
    data = checked(INPUTS, OUTPUTS)

    assert data.is_own_reference
    assert_array_equal(data.inputs, INPUTS)
    assert_array_equal(data.reference_outputs, OUTPUTS)


def test_one_column_may_be_given_without_its_second_dimension():
    assert checked(INPUTS[:, 0], OUTPUTS[:, 0]).inputs.shape == (6, 1)


@pytest.mark.parametrize("value", [np.nan, 0.0, -1.0, np.inf])
def test_a_bad_value_is_refused_with_dmu_and_column(value):
    with pytest.raises(FrontierError, match=f"DMU Alingsås has grades = {value:g}"):
        checked(INPUTS, with_value(value), labels=LABELS)


def test_without_labels_dmu_and_column_are_numbered_from_1():
    with pytest.raises(FrontierError, match="DMU 2 has output 1 = nan"):
        checked(INPUTS, with_value(np.nan))


def test_five_bad_values_are_named_and_the_rest_counted():
    with pytest.raises(FrontierError, match=r"DMU 5 has output 1 = 0 \(6 such\)\. Every value"):
        checked(INPUTS, np.zeros((6, 1)))


def test_a_zero_is_a_quantity_where_that_is_said():
    outputs = np.ones((9, 2))
    outputs[1, 0] = 0

    assert checked(np.ones((9, 1)), outputs, allow_zero=True).outputs[1, 0] == 0


def test_a_dmu_without_any_output_is_refused_all_the_same():
    with pytest.raises(FrontierError, match="DMU Alingsås has no output above 0"):
        checked(INPUTS, with_value(0.0), allow_zero=True, labels=LABELS)


@pytest.mark.parametrize("value", [np.nan, -1.0])
def test_where_zero_is_allowed_nothing_else_is(value):
    with pytest.raises(FrontierError, match="positive and finite, or at least 0"):
        checked(INPUTS, with_value(value), allow_zero=True)


def test_a_bad_value_of_the_reference_is_told_as_the_references():
    with pytest.raises(FrontierError, match="reference DMU 2 has grades = nan"):
        checked(INPUTS, OUTPUTS, reference=(INPUTS, with_value(np.nan)), labels=LABELS)


def test_a_reference_with_other_columns_is_refused():
    with pytest.raises(FrontierError, match="The reference has 2 inputs, the DMUs have 1"):
        checked(INPUTS, OUTPUTS, reference=(np.hstack([INPUTS, INPUTS]), OUTPUTS))


@pytest.mark.parametrize(
    ("inputs", "labels", "message"),
    [
        (np.ones((5, 1)), None, "5 rows of inputs and 6 rows of outputs"),
        (np.ones((6, 0)), None, r"The inputs have the shape \(6, 0\)"),
        (np.ones((6, 1, 1)), None, r"The inputs have the shape \(6, 1, 1\)"),
        (INPUTS, Labels(dmu=["Ale"]), "1 names were given for 6 DMUs"),
        (INPUTS, Labels(inputs=["a", "b"]), "2 names were given for 1 inputs"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(inputs, labels, message):
    with pytest.raises(FrontierError, match=message):
        checked(inputs, OUTPUTS, labels=labels)


def test_too_few_dmus_are_warned_of():
    with pytest.warns(FrontierWarning, match=r"5 DMUs span a frontier in 2 .* below 6 most are"):
        checked(INPUTS[:5], OUTPUTS[:5])


@pytest.mark.parametrize("rts", ["crs", "nirs", "ndrs"])
def test_ratios_are_warned_of_where_they_are_multiplied(rts):
    labels = Labels(inputs=["cost"], outputs=["grades"], ratios={"grades"})

    with pytest.warns(FrontierWarning, match=f"grades are ratios, and '{rts}' multiplies"):
        checked(INPUTS, OUTPUTS, labels=labels, rts=rts)


def test_ratios_under_vrs_are_no_matter():
    checked(INPUTS, OUTPUTS, labels=Labels(outputs=["grades"], ratios={"grades"}), rts="vrs")


def test_a_word_that_is_no_choice_is_refused_with_the_choices():
    with pytest.raises(FrontierError, match=r"Unknown rts 'irs'. Use 'crs' or 'vrs'"):
        check_choice("rts", "irs", ("crs", "vrs"))


def test_a_dmu_is_called_by_its_label_or_its_row():
    assert (dmu_name(LABELS, 1), dmu_name(None, 1)) == ("Alingsås", "row 2")
