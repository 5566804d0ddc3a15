"""Which code and which packages made a release."""

import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

PACKAGES = (  # what bytes depend on
    "numpy", "numba", "highspy", "polars", "duckdb", "pyarrow", "plotly", "matplotlib",
)  # fmt: skip


def code_version() -> dict[str, Any]:
    """The project's version, its commit where it runs from a clone, and the packages it used."""
    root = Path(__file__).resolve().parents[2]
    commit = _git(root, "rev-parse", "HEAD")
    return {
        "version": version("effektiv"),
        "commit": commit,
        "is_modified": bool(_git(root, "status", "--porcelain", "--untracked-files=no")),
        "packages": {name: version(name) for name in PACKAGES},
    }


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
