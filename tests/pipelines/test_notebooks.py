"""Every notebook runs from its first cell to its last on a published release."""

import ast
import json
from pathlib import Path

import polars as pl
import pytest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


def cells(notebook: Path) -> list[dict[str, object]]:
    return [
        cell
        for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        if cell["cell_type"] == "code"
    ]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_committed_without_output(notebook: Path):
    assert [cell for cell in cells(notebook) if cell["outputs"] or cell["execution_count"]] == []


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_on_a_release_and_ends_in_an_answer(
    notebook: Path, undisturbed: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("EFFEKTIV_DATA", str(undisturbed))
    source = "\n".join("".join(cell["source"]) for cell in cells(notebook))
    *statements, answer = ast.parse(source, filename=notebook.name).body
    assert isinstance(answer, ast.Expr)
    names: dict[str, object] = {}

    exec(compile(ast.Module(statements, type_ignores=[]), notebook.name, "exec"), names)
    result = eval(compile(ast.Expression(answer.value), notebook.name, "eval"), names)

    assert isinstance(result, pl.DataFrame)
    assert result.height > 0
