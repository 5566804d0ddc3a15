"""Reference data and answers, and made-up technologies."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

Table = Callable[[str], pl.DataFrame]


@pytest.fixture(scope="session")
def answers(shared: Path) -> Table:
    """Reads a table of reference answers by its name without ending."""
    return lambda name: pl.read_csv(shared / "reference" / f"{name}.csv", infer_schema_length=None)


@pytest.fixture(scope="session")
def given(shared: Path) -> Table:
    """Reads the data of a reference case by its name without ending."""
    return lambda name: pl.read_csv(
        shared / "reference" / "data" / f"{name}.csv", infer_schema_length=None
    )


def columns(frame: pl.DataFrame, *names: str) -> np.ndarray:
    return frame.select(names).to_numpy().astype(np.float64)


def made_up(seed: int, n: int, m: int, s: int, *, kind: str = "smooth") -> tuple:
    """Return inputs and outputs: smooth, in whole numbers with ties, doubled, or collinear."""
    generator = np.random.default_rng(seed)
    inputs = generator.uniform(1, 10, (n, m))
    outputs = (inputs.mean(axis=1) ** 0.7 * generator.uniform(0.5, 1, n))[:, np.newaxis]
    outputs = outputs * generator.uniform(0.5, 1.5, (n, s))
    if kind == "whole":
        inputs, outputs = np.ceil(inputs / 2), np.ceil(outputs)
    if kind == "doubled":
        inputs[n // 2 :], outputs[n // 2 :] = inputs[: n - n // 2], outputs[: n - n // 2]
    if kind == "collinear":
        inputs[:, -1], outputs[:, -1] = 2 * inputs[:, 0], 3 * outputs[:, 0]
    return inputs, outputs
