"""The pages about the release itself: how it is made, what has been revised, what can be had."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.site.facts import Facts
from pipelines.site.page import ASSETS, Frame, page
from pipelines.words.said import Said, row_cells, said

MOST_REVISIONS = 200
REVISION_KEY = ("kpi", "period", "read_on")


@dataclass(frozen=True, slots=True)
class Revision:
    """A row of the log of revisions."""

    day: str
    kpi: str
    title: str
    period: Said
    n_changed: Said
    n_gone: Said


def method_page(facts: Facts, frame: Frame, *, method: str) -> bytes:
    """Make the page of how the numbers come about and how they must not be read."""
    return page(
        "method.html.j2", "method.html", frame, title="Så räknas det", method=method,
        areas=facts.areas,
    )  # fmt: skip


def downloads_page(frame: Frame, tables: Sequence[Mapping[str, Any]]) -> bytes:
    """Make the page of all files; a table has name, title, description, rows and files."""
    return page("downloads.html.j2", "downloads.html", frame, title="Hämta data", tables=tables)


def revisions_page(facts: Facts, frame: Frame) -> tuple[bytes, list[Said]]:
    """Make the page of what Kolada has changed since it was first read, the newest first."""
    titles = dict(facts.tables["kpi"].select("kpi", "title").iter_rows())
    log = facts.tables["revision_log"].sort(
        "read_on", "kpi", "period", descending=[True, False, True]
    )
    rows = [
        Revision(
            day=f"{row['read_on']:%Y-%m-%d}",
            kpi=row["kpi"],
            title=titles.get(row["kpi"], ""),
            period=said("{period:year}", **cells),
            n_changed=said("{n_changed:0}", **cells),
            n_gone=said("{n_gone:0}", **cells),
        )
        for row in log.head(MOST_REVISIONS).to_dicts()
        for cells in [row_cells("revision_log", row, REVISION_KEY)]
    ]
    body = page(
        "revisions.html.j2", "revisions.html", frame, title="Ändrade uppgifter", rows=rows,
        n_more=log.height - len(rows),
    )  # fmt: skip
    return body, [number for row in rows for number in (row.period, row.n_changed, row.n_gone)]


def search_index(facts: Facts) -> tuple[str, bytes]:
    """Make the script that holds what can be found: its path and its bytes."""
    entries = [[title, "kommun", f"municipality/{code}.html"]
               for code, title in facts.municipalities.items()]  # fmt: skip
    entries += [[area.title, "område", area.page] for area in facts.areas]
    seen: set[str] = set()
    for area in facts.areas:
        for indicator in area.indicators:
            kpi = indicator["kpi"]
            if kpi and kpi not in seen:
                seen.add(kpi)
                name = f"{kpi} {indicator['title'].strip()}"
                entries.append([name, f"nyckeltal, {area.title}", f"{area.page}#{kpi}"])
    text = json.dumps(entries, ensure_ascii=False, separators=(",", ":"))
    return f"{ASSETS}/search_index.js", f"window.searchIndex = {text};\n".encode()
