"""What a stochastic frontier asks of its columns, in one year or in a panel."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from models.frontier.technology import (
    NAMED_AT_MOST,
    FloatArray,
    FrontierError,
    Labels,
    dmu_name,
)

COLLINEAR = 1e-9  # of a column's norm: if no more is left beside the others, it is rounding


@dataclass(frozen=True, slots=True)
class Columns:
    """Checked data in their own units, and what the columns are called."""

    dependent: FloatArray  # (n,)
    regressors: FloatArray  # (n, k)
    effects: FloatArray  # (n, p)
    regressor_names: tuple[str, ...]
    effect_names: tuple[str, ...]


def checked_columns(
    dependent: ArrayLike,
    regressors: ArrayLike,
    effects: ArrayLike | None,
    labels: Labels | None,
    effect_names: Sequence[str],
) -> Columns:
    """Refuse what no regression can be made of.

    Parameters
    ----------
    dependent, regressors, effects, labels, effect_names
        As in `stochastic_frontier`.

    Returns
    -------
    Columns
        As float arrays.

    Raises
    ------
    FrontierError
        As `stochastic_frontier`.
    """
    labels = labels or Labels()
    y = np.asarray(dependent, dtype=np.float64)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1 or y.size == 0:
        raise FrontierError(
            f"The dependent variable has the shape {y.shape}. Give one value per row."
        )
    x, x_names = _table(regressors, "regressor", labels.inputs, len(y))
    z, z_names = np.zeros((len(y), 0)), tuple[str, ...]()
    if effects is not None:
        z, z_names = _table(effects, "effect", effect_names, len(y))
    y_name = labels.outputs[0] if labels.outputs else "dependent variable"
    if labels.dmu and len(labels.dmu) != len(y):
        raise FrontierError(f"{len(labels.dmu)} names were given for {len(y)} rows. Give one each.")
    everything = np.column_stack([y, x, z])
    bad = [
        f"{dmu_name(labels, int(row))} has {(y_name, *x_names, *z_names)[column]} = "
        f"{everything[row, column]:g}"
        for row, column in np.argwhere(~np.isfinite(everything))
    ]
    if bad:
        many = f" ({len(bad)} such)" if len(bad) > NAMED_AT_MOST else ""
        raise FrontierError(
            f"{'; '.join(bad[:NAMED_AT_MOST])}{many}. Every value must be finite: set the DMU "
            "aside, or leave the column out. The log of 0 is no number."
        )
    _refuse_collinear(x, "regressor", x_names)
    _refuse_collinear(z, "effect", z_names)
    return Columns(y, x, z, x_names, z_names)


def _table(
    values: ArrayLike, what: str, names: Sequence[str], n: int
) -> tuple[FloatArray, tuple[str, ...]]:
    table = np.asarray(values, dtype=np.float64)
    if table.ndim == 1:
        table = table[:, np.newaxis]
    if table.ndim != 2 or len(table) != n or table.shape[1] == 0:
        raise FrontierError(
            f"The {what}s have the shape {table.shape}, the dependent variable has {n} rows. Give "
            f"one row for each of those and one column per {what}."
        )
    if names and len(names) != table.shape[1]:
        raise FrontierError(
            f"{len(names)} names were given for {table.shape[1]} {what}s. Give one each."
        )
    return table, tuple(names) or tuple(f"{what} {i + 1}" for i in range(table.shape[1]))


def _refuse_collinear(table: FloatArray, what: str, names: Sequence[str]) -> None:
    before = np.ones((len(table), 1)) / np.sqrt(len(table))
    for i, name in enumerate(names):
        length = np.linalg.norm(table[:, i])
        left = table[:, i] - before @ (before.T @ table[:, i])
        left -= before @ (before.T @ left)  # again, for what rounding left of the first
        if np.linalg.norm(left) <= COLLINEAR * length:
            raise FrontierError(
                f"The {what} {name} is a combination of the constant"
                f"{''.join(f', {each}' for each in names[:i])}. Leave one of them out."
            )
        before = np.column_stack([before, left / np.linalg.norm(left)])
