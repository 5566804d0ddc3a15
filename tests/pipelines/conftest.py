"""A small simulated Kolada over HTTP, and the command `effektiv` as its users run it."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kolada.local import serving
from kolada.sample import simulated_sweden

Command = Callable[..., subprocess.CompletedProcess[str]]
COMMAND = (sys.executable, "-m", "pipelines.cli")
AREA = "elderly_care"  # one area is enough where the way of the data is what is tested


@pytest.fixture(scope="session")
def kolada_url() -> Iterator[str]:
    with serving(simulated_sweden(first_period=2019).archive) as url:
        yield url


def environment(data: Path, url: str) -> dict[str, str]:
    """The variables of a process whose data are in `data` and whose Kolada is at `url`."""
    outside = {k: v for k, v in os.environ.items() if not k.startswith(("EFFEKTIV_", "KOLADA_"))}
    return {
        **outside,
        "EFFEKTIV_DATA": str(data),
        "EFFEKTIV_DRAWS": "20",  # the way of the data is what is tested here
        "KOLADA_URL": url,
        "KOLADA_RATE": "none",
    }


@pytest.fixture
def effektiv(tmp_path: Path, kolada_url: str) -> Command:
    """Runs `effektiv` in a process of its own, with its data below tmp_path/data."""

    def command(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *words],
            env={**environment(tmp_path / "data", kolada_url), **variables},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return command


def kill_when(text: str, *, data: Path, url: str) -> bool:
    """Run `effektiv run` until its log says `text`, then kill it; whether it came to that."""
    process = subprocess.Popen(
        [*COMMAND, "run", "--area", AREA, "--verbose"],
        env={**environment(data, url), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout as lines:
        was_said = any(text in line for line in lines)
        process.send_signal(signal.SIGKILL)
    process.wait()
    return was_said


def kill_when_there(folder: Path, pattern: str, data: Path, url: str) -> None:
    """Run `effektiv run` for Stockholm until a file is there, then kill it."""
    process = subprocess.Popen(
        [*COMMAND, "run", "--area", AREA, "--municipality", "0180"],
        env=environment(data, url),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while process.poll() is None and not any(folder.glob(pattern)):
        pass
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, kolada_url: str) -> Path:
    """The data of one run that nothing disturbed."""
    data = tmp_path_factory.mktemp("undisturbed")
    assert not kill_when("a text that is never said", data=data, url=kolada_url)
    return data
