"""What tests of every package share."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# A run of CI is the same each time it is made; elsewhere every run looks for new examples.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference material, which CI has and users do not."""
    folder = Path(
        os.environ.get("EFFEKTIV_SHARED") or Path(__file__).resolve().parents[2] / "shared"
    )
    if not folder.is_dir():
        pytest.skip(f"the reference material is not in {folder}; set EFFEKTIV_SHARED to it")
    return folder
