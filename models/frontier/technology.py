"""What every frontier method asks of its data, and the words they share.

A technology is spanned by DMUs that use inputs and achieve outputs. The checks are made once,
where data enters; what lies behind them (`kernel.py`) counts on them.
"""

import warnings
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

Orientation = Literal["input", "output"]
Returns = Literal["crs", "vrs", "nirs", "ndrs"]
Status = Literal["optimal", "infeasible"]
Reference = tuple[ArrayLike, ArrayLike]

RETURNS: tuple[Returns, ...] = ("crs", "vrs", "nirs", "ndrs")
ORIENTATIONS: tuple[Orientation, ...] = ("input", "output")
EFFICIENT = 1e-7  # a score this near 1 is on the frontier; of factors, so without a unit
DMUS_PER_COLUMN = 3  # Banker et al. (1989): fewer, and most DMUs are efficient by default
NAMED_AT_MOST = 5


class FrontierError(ValueError):
    """The data or the choice of model cannot give a score; the message names what to mend."""


class FrontierWarning(UserWarning):
    """The scores can be computed, and should not be trusted as they stand."""


@dataclass(frozen=True, slots=True)
class Labels:
    """What the rows and columns are called in messages; without them they are numbered from 1."""

    dmu: Sequence[str] = ()
    inputs: Sequence[str] = ()
    outputs: Sequence[str] = ()
    ratios: Collection[str] = field(default=frozenset())  # columns that are a ratio, by name


@dataclass(frozen=True, slots=True)
class Data:
    """Checked inputs and outputs of those who are scored and of those who span the frontier."""

    inputs: FloatArray  # (n_dmu, n_input)
    outputs: FloatArray  # (n_dmu, n_output)
    reference_inputs: FloatArray  # (n_reference, n_input)
    reference_outputs: FloatArray  # (n_reference, n_output)
    is_own_reference: bool  # the DMUs span the frontier themselves, row for row


def checked(
    inputs: ArrayLike,
    outputs: ArrayLike,
    *,
    reference: Reference | None = None,
    labels: Labels | None = None,
    rts: Returns | None = None,
    allow_zero: bool = False,
) -> Data:
    """Refuse data that no frontier can be made of, and warn of data it should not be made of.

    Parameters
    ----------
    inputs : array, shape (n_dmu, n_input)
        Positive; each column in one unit.
    outputs : array, shape (n_dmu, n_output)
        Positive, more is better, rows in the order of `inputs`.
    reference : (array, array), optional
        Inputs and outputs, shapes (n_reference, n_input) and (n_reference, n_output), of those
        who span the frontier; without it the DMUs do so themselves.
    labels : Labels, optional
        Names for the messages.
    rts : {"crs", "vrs", "nirs", "ndrs"}, optional
        Where it is given, columns that are ratios are warned of under all but "vrs".
    allow_zero : bool
        Whether a zero is a quantity like any other. A DMU needs some input and some output all
        the same. By default a zero is refused, because most zeros in published data are values
        that are missing.

    Returns
    -------
    Data
        The same numbers as float arrays of two dimensions.

    Raises
    ------
    FrontierError
        If a value is NaN, infinite, negative or zero, with the DMU and the column; if the shapes
        do not fit; if there is no DMU or no column.

    Warns
    -----
    FrontierWarning
        If there are fewer than three DMUs in the reference per input and output together, or a
        ratio is scored under a returns to scale that multiplies it.

    References
    ----------
    Banker, Charnes, Cooper, Swarts and Thomas (1989), Research in Governmental and Nonprofit
    Accounting 5, 125-163, on the number of DMUs.
    Olesen, Petersen and Podinovski (2015), Eur. J. Oper. Res. 245(2), 640-650, on ratios.
    """
    labels = labels or Labels()
    own = _checked_pair(inputs, outputs, labels, allow_zero=allow_zero)
    if reference is None:
        spanning = own
    else:
        unnamed = Labels(inputs=labels.inputs, outputs=labels.outputs)
        spanning = _checked_pair(*reference, unnamed, allow_zero=allow_zero, of="reference DMU")
        for side, mine, theirs in zip(("inputs", "outputs"), own, spanning, strict=True):
            if mine.shape[1] != theirs.shape[1]:
                raise FrontierError(
                    f"The reference has {theirs.shape[1]} {side}, the DMUs have {mine.shape[1]}. "
                    "Give both the same columns in the same order."
                )
    _warn_of_size(spanning)
    _warn_of_ratios(labels, rts)
    return Data(*own, *spanning, is_own_reference=reference is None)


def check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    """Refuse a word that is none of the choices.

    Raises
    ------
    FrontierError
        With the choices.
    """
    if value not in choices:
        first, last = ", ".join(map(repr, choices[:-1])), repr(choices[-1])
        raise FrontierError(
            f"Unknown {name} {value!r}. Use {f'{first} or ' if first else ''}{last}."
        )


def dmu_name(labels: Labels | None, row: int) -> str:
    """Return what a DMU is called in a message: its label, or its row counted from 1."""
    return labels.dmu[row] if labels and labels.dmu else f"row {row + 1}"


def _checked_pair(
    inputs: ArrayLike, outputs: ArrayLike, labels: Labels, *, allow_zero: bool, of: str = "DMU"
) -> tuple[FloatArray, FloatArray]:
    sides = []
    for side, values, names in (
        ("input", inputs, labels.inputs),
        ("output", outputs, labels.outputs),
    ):
        values = np.asarray(values, dtype=np.float64)
        if values.ndim == 1:
            values = values[:, np.newaxis]
        if values.ndim != 2 or 0 in values.shape:
            raise FrontierError(
                f"The {side}s have the shape {values.shape}. Give one row per {of} and one column "
                f"per {side}, at least one of each."
            )
        if names and len(names) != values.shape[1]:
            raise FrontierError(
                f"{len(names)} names were given for {values.shape[1]} {side}s. Give one each."
            )
        sides.append(np.ascontiguousarray(values))
    if len(sides[0]) != len(sides[1]):
        raise FrontierError(
            f"{len(sides[0])} rows of inputs and {len(sides[1])} rows of outputs were given. "
            f"Give one row per {of} in both, in the same order."
        )
    if labels.dmu and len(labels.dmu) != len(sides[0]):
        raise FrontierError(
            f"{len(labels.dmu)} names were given for {len(sides[0])} DMUs. Give one each."
        )
    _refuse_bad_values(sides, labels, allow_zero=allow_zero, of=of)
    return sides[0], sides[1]


def _refuse_bad_values(
    sides: Sequence[FloatArray], labels: Labels, *, allow_zero: bool, of: str
) -> None:
    bad = []
    for side, values, names in zip(
        ("input", "output"), sides, (labels.inputs, labels.outputs), strict=True
    ):
        is_good = np.isfinite(values) & ((values >= 0) if allow_zero else (values > 0))
        for row, column in np.argwhere(~is_good):
            name = names[column] if names else f"{side} {column + 1}"
            bad.append(f"{_named(labels, int(row), of)} has {name} = {values[row, column]:g}")
        if allow_zero:
            for row in np.flatnonzero(is_good.all(axis=1) & (values == 0).all(axis=1)):
                bad.append(f"{_named(labels, int(row), of)} has no {side} above 0")
    if bad:
        many = f" ({len(bad)} such)" if len(bad) > NAMED_AT_MOST else ""
        asked = "positive and finite, or at least 0" if allow_zero else "positive and finite"
        raise FrontierError(
            f"{'; '.join(bad[:NAMED_AT_MOST])}{many}. Every value must be {asked}: set the {of} "
            "aside, or leave the column out."
        )


def _named(labels: Labels, row: int, of: str) -> str:
    return f"{of} {labels.dmu[row] if labels.dmu else row + 1}"


def _warn_of_size(spanning: tuple[FloatArray, FloatArray]) -> None:
    n_dmu, n_column = len(spanning[0]), spanning[0].shape[1] + spanning[1].shape[1]
    if n_dmu < DMUS_PER_COLUMN * n_column:
        warnings.warn(
            f"{n_dmu} DMUs span a frontier in {n_column} inputs and outputs; below "
            f"{DMUS_PER_COLUMN * n_column} most are efficient by default. Use fewer columns.",
            FrontierWarning,
            stacklevel=4,
        )


def _warn_of_ratios(labels: Labels, rts: Returns | None) -> None:
    ratios = [name for name in (*labels.inputs, *labels.outputs) if name in labels.ratios]
    if ratios and rts not in (None, "vrs"):
        warnings.warn(
            f"{', '.join(ratios[:NAMED_AT_MOST])} are ratios, and {rts!r} multiplies them as if "
            "they were amounts. Use 'vrs', or the ratios' numerators and denominators.",
            FrontierWarning,
            stacklevel=4,
        )
