"""What tests of every package share."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference material, which CI has and users do not."""
    folder = Path(
        os.environ.get("EFFEKTIV_SHARED") or Path(__file__).resolve().parents[2] / "shared"
    )
    if not folder.is_dir():
        pytest.skip(f"the reference material is not in {folder}; set EFFEKTIV_SHARED to it")
    return folder
