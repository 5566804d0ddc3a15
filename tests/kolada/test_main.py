import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import requests

from kolada.__main__ import main
from kolada.archive import write_archive
from kolada.ledger import Ledger
from kolada.local import serving
from kolada.query import Query
from kolada.recorded import recorded_archive
from tests.kolada.conftest import NOON, answer, kpi_row, page, record, small_archive

Command = Callable[..., tuple[int, str, str]]
ARCHIVE = small_archive(
    [record("N15001", "1489", 2024)],
    kpi=[
        kpi_row("N15001", "Nettokostnadsavvikelse grundskola, (%)"),
        kpi_row("N15428", "Elever behöriga", is_divided_by_gender=True, publication_date=None),
    ],
)


@pytest.fixture
def kolada(monkeypatch, capsys) -> Command:
    """`python -m kolada` in this process: its exit code, what it says and its errors."""

    def command(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["kolada", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            main()
        said = capsys.readouterr()
        return int(end.value.code or 0), said.out, said.err

    return command


@contextmanager
def served(*words: object) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`python -m kolada serve` as a process of its own, and the address that it says."""
    process = subprocess.Popen(
        [sys.executable, "-m", "kolada", "serve", "--port", "0", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            found = re.fullmatch(r"Kolada is served at (http://127\.0\.0\.1:\d+/v3)\n", line)
            assert found, line
            yield process, found.group(1)
        finally:
            process.kill()


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    write_archive(ARCHIVE, tmp_path / "archive")
    return tmp_path / "archive"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(ARCHIVE) as address:
        yield address


def test_kpis_are_found_and_shown_with_gender_and_publication(kolada, url):
    assert kolada("kpi", "AVVIKELSE grundskola", "--source", url) == (
        0,
        "N15001  Nettokostnadsavvikelse grundskola, (%)\n"
        "        Grundskola · total only · next published 2026-08-28\n"
        "1 KPIs\n",
        "",
    )
    assert "per gender · next published no date" in kolada("kpi", "elever", "--source", url)[1]


@pytest.mark.parametrize(("words", "n"), [("N15428", 1), ("15", 2), ("finns inte", 0), ("", 2)])
def test_kpis_are_found_by_id_and_the_number_found_is_told(kolada, url, words, n):
    code, said, _ = kolada("kpi", words, "--source", url)

    assert code == 0
    assert said.endswith(f"{n} KPIs\n")


def test_the_source_is_read_from_the_environment(kolada, url, monkeypatch):
    monkeypatch.setenv("KOLADA_URL", url)

    assert kolada("kpi", "elever")[1].endswith("1 KPIs\n")


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_an_archive_is_served_until_the_process_is_told_to_stop(archive, stop):
    with served("--archive", archive) as (process, address):
        rows = requests.get(f"{address}/kpi/N15001", timeout=10).json()["values"]
        process.send_signal(stop)
        said, errors = process.communicate(timeout=10)

    assert rows == [ARCHIVE.kpi[0]]
    assert process.returncode == (0 if stop == signal.SIGINT else -signal.SIGTERM)
    assert (said, errors) == ("", "")


def test_a_ledger_is_served_as_it_was_known(tmp_path):
    with Ledger(tmp_path).writing() as writer:
        for day, title in enumerate(["Before", "Now"]):
            body = page(kpi_row("N00001", title))
            writer.append(answer(Query("kpi"), body, at=NOON + timedelta(days=day)), sync=title)

    with served("--ledger", tmp_path, "--as-of", "2026-03-01T23:59:59") as (_, address):
        (row,) = requests.get(f"{address}/kpi", timeout=10).json()["values"]

    assert row["title"] == "Before"


def test_a_wrong_folder_is_one_sentence_and_no_traceback(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "kolada", "serve", "--archive", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith(f"{tmp_path} is not an archive: kpi.json, ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["archive", "nowhere", "out"], "nowhere has no recorded kpi, municipality, observations"),
        (["serve", "--ledger", "nowhere"], "The ledger in nowhere has no answer"),
        (["kpi", "kostnad", "--source", "ftp://kolada"], "'ftp://kolada' is not an address"),
        (["kpi", "kostnad", "--source", "{url}/wrong"], "Kolada refuses {url}/wrong/kpi"),
        (["serve", "--archive", "{archive}", "--port", "{taken}"], "Port {taken} on 127.0.0.1"),
    ],
)
def test_what_goes_wrong_is_one_message_and_exit_code_1(kolada, url, archive, words, said):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        names = {"url": url, "archive": archive, "taken": listener.getsockname()[1]}
        code, out, err = kolada(*(word.format(**names) for word in words))

    assert (code, out) == (1, "")
    assert err.startswith(said.format(**names))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "Give one of --archive, --sample and --ledger."),
        (["--sample", "--ledger", "x"], "Give one of --archive, --sample and --ledger."),
        (["--archive", "x", "--as-of", "2026-03-01"], "give --ledger with it"),
        (["--sample", "--port", "65536"], "65536 is not in the range 0<=x<=65535"),
        (["--ledger", "x", "--as-of", "soon"], "does not match the formats"),
    ],
)
def test_a_wrong_use_of_serve_is_told_with_what_to_give(kolada, words, said):
    code, _, err = kolada("serve", *words)

    assert code == 2
    assert said in err


@pytest.mark.shared
def test_the_recorded_material_becomes_an_archive_that_is_searched(kolada, shared, tmp_path):
    made = kolada("archive", shared / "kolada", tmp_path / "archive")

    with serving(recorded_archive(shared / "kolada")) as address:
        code, said, _ = kolada("kpi", "nettokostnadsavvikelse", "--source", address)

    assert made == (0, f"{tmp_path / 'archive'}: 6099 KPIs, 144363 values\n", "")
    assert code == 0
    assert {"N00097", "N15001", "N20900"} <= set(re.findall(r"^[NU]\d{5}", said, re.MULTILINE))
    assert "N20900  Nettokostnadsavvikelse äldreomsorg, (%)" in said


def test_a_sync_shows_its_plan_and_fills_the_ledger(kolada, url, tmp_path):
    words = ["--kpi", "N15428", "--years", "2020-2025", "--no-limit", "--source", url]

    code, said, _ = kolada("sync", *words, "--ledger", tmp_path / "ledger")

    assert code == 0
    assert said.startswith("1 queries, at most 1 requests and ")
    assert "1 queries asked in 1 requests" in said
    asked = [entry.query.table for entry in Ledger(tmp_path / "ledger").entries()]
    assert asked == ["kpi", "municipality", "municipality_groups", "data"]


def test_a_plan_can_be_seen_without_asking_for_values(kolada, url, tmp_path):
    words = ["--all", "--years", "2020", "--no-limit", "--source", url, "--plan-only"]

    code, said, _ = kolada("sync", *words, "--ledger", tmp_path / "ledger")

    assert code == 0
    assert "at most 1 requests" in said
    tables = {entry.query.table for entry in Ledger(tmp_path / "ledger").entries()}
    assert "data" not in tables


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--kpi", "N99999"), "Kolada has no KPI N99999"),
        (("--years", "soon"), "'soon' is not years"),
        (("--years", "2025-2020"), "ends before it begins"),
        (("--all", "--kpi", "N15428"), "Give one of --all and --kpi"),
    ],
)
def test_a_sync_that_cannot_be_is_refused_with_a_sentence(kolada, url, tmp_path, words, said):
    kpi = () if "--kpi" in words else ("--kpi", "N15428")

    code, _, errors = kolada(
        "sync", *words, *kpi, "--source", url, "--no-limit", "--ledger", tmp_path / "ledger"
    )

    assert code != 0
    assert said in errors


def test_a_ledger_is_verified_and_its_faults_are_counted(kolada, url, tmp_path):
    ledger = tmp_path / "ledger"
    kolada("sync", "--kpi", "N15428", "--no-limit", "--source", url, "--ledger", ledger)
    assert kolada("verify", ledger)[0] == 0

    page = next(path for path in ledger.glob("bodies/*/*") if path.is_file())
    page.unlink()
    code, _, errors = kolada("verify", ledger)

    assert code == 1
    assert "The ledger lacks the page" in errors
    assert f"1 faults in {ledger}" in errors


def test_a_folder_without_answers_is_not_said_to_be_whole(kolada, tmp_path):
    code, _, errors = kolada("verify", tmp_path)

    assert code == 1
    assert "There is no answer in" in errors
