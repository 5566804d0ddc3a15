"""The site says what the tables hold, hangs together, and needs nothing from outside."""

import re
from collections import defaultdict
from html import unescape
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import polars as pl
import pytest

LIGHT = 500_000  # bytes of a first view beside plotly's script
PLOTLY = "assets/plotly.min.js"


class Page(HTMLParser):
    """What a page is made of, read by the standard library."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.cells: list[tuple[str, str]] = []  # (address, value)
        self.images: list[dict[str, str | None]] = []
        self.resources: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self._skipped = 0
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append((tag, found))
        if found.get("id"):
            self.ids.append(str(found["id"]))
        if tag == "a":
            self.links.append(str(found["href"]))
        if tag == "data":
            self.cells.append((str(found["data-cell"]), str(found["value"])))
        if tag == "img":
            self.images.append(found)
        self.resources += [
            str(found[name]) for name in ("src", "href") if tag != "a" and found.get(name)
        ]
        self._skipped += tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self._skipped -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if not self._skipped:
            self.text.append(data)


@pytest.fixture(scope="module")
def pages(release: Path) -> dict[Path, Page]:
    return {path: Page(path) for path in sorted(release.rglob("*.html"))}


def test_there_is_a_page_for_every_municipality_and_every_area(release: Path):
    efficiency = pl.read_parquet(release / "tables" / "efficiency.parquet")

    codes = {path.stem for path in (release / "municipality").iterdir()}
    areas = {path.stem for path in (release / "area").iterdir()}
    assert codes == set(efficiency["municipality"])
    assert len(codes) == 290
    assert areas == set(efficiency["service_area"])


def test_every_number_of_a_sentence_is_what_its_cell_holds(release: Path, pages: dict[Path, Page]):
    said: dict[tuple[str, str], list[tuple[dict[str, str], str]]] = defaultdict(list)
    for page in pages.values():
        for address, value in page.cells:
            where = urlsplit(address)
            table, column = where.path.split("/")
            said[table, column].append((dict(parse_qsl(where.query)), value))

    assert sum(map(len, said.values())) > 10_000
    wrong = []
    for (table, column), cells in said.items():
        frame = pl.read_parquet(release / "tables" / f"{table}.parquet")
        names = list(cells[0][0])
        texts = frame.select(pl.col(name).cast(pl.String) for name in names).rows()
        held = dict(zip(texts, frame[column], strict=True))
        assert len(held) == frame.height
        for where, value in cells:
            if str(held[tuple(where.values())]) != value:
                wrong.append((table, column, where, value))
    assert wrong == []


def test_every_link_leads_somewhere_in_the_release(release: Path, pages: dict[Path, Page]):
    dead = []
    for path, page in pages.items():
        for link in {*page.links, *page.resources}:
            where = urlsplit(link)
            if where.scheme == "data":
                continue
            assert where.scheme == "", link
            target = (path.parent / unquote(where.path)).resolve() if where.path else path
            if not target.is_file() or (
                where.fragment and target in pages and where.fragment not in pages[target].ids
            ):
                dead.append((path.relative_to(release).as_posix(), link))
    assert dead == []


def test_no_page_asks_for_anything_outside_the_release(pages: dict[Path, Page]):
    for page in pages.values():
        assert [url for url in page.resources if re.match(r"(?i)\w+:|//", url)] in (
            [],
            ["data:,"],
        )
        policy = next(
            attrs["content"] for tag, attrs in page.tags
            if tag == "meta" and attrs.get("http-equiv") == "Content-Security-Policy"
        )  # fmt: skip
        assert str(policy).startswith("default-src 'none'")
        assert "unsafe-eval" not in str(policy)


def test_a_first_view_is_light_and_plotly_is_loaded_only_where_a_chart_is(
    release: Path, pages: dict[Path, Page]
):
    for path, page in pages.items():
        resources = {(path.parent / url).resolve() for url in page.resources if url != "data:,"}
        plotly = (release / PLOTLY) in resources
        first = {r for r in resources if r.suffix in (".css", ".js") and r != release / PLOTLY}
        weight = path.stat().st_size + sum(r.stat().st_size for r in first)
        assert weight < LIGHT, (path.name, weight)
        has_chart = any(attrs.get("class") == "chart" for _, attrs in page.tags)
        assert plotly == has_chart


def test_pages_are_swedish_and_say_what_they_are(pages: dict[Path, Page]):
    for path, page in pages.items():
        (html,) = [attrs for tag, attrs in page.tags if tag == "html"]
        text = "".join(page.text)
        assert html["lang"] == "sv"
        assert [tag for tag, _ in page.tags].count("h1") == 1, path.name
        assert "SIMULERADE DATA" in text
        assert "Egen bearbetning av data från Kolada" in text
        assert all(image.get("alt") for image in page.images)
        assert len(page.ids) == len(set(page.ids)), path.name


def test_headings_step_down_one_level_at_a_time(pages: dict[Path, Page]):
    for page in pages.values():
        levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h\d", tag)]
        assert all(b <= a + 1 for a, b in pairwise(levels))


def test_the_start_page_is_read_by_anyone(release: Path):
    html = (release / "index.html").read_text(encoding="utf-8")
    parts = re.findall(r"<(?:p|li|td)[^>]*>(.*?)</(?:p|li|td)>", html, flags=re.DOTALL)
    texts = [unescape(re.sub(r"<[^>]+>", "", part)).strip() for part in parts]
    prose = [text for text in texts if text.endswith(".")]
    words = [word.strip(".,:;()?”") for text in prose for word in text.split()]
    n_sentence = sum(len(re.findall(r"[.:?](?:\s|$)", text)) for text in prose)

    # LIX, Björnsson (1968): up to 40 is ordinary prose, 50 a newspaper's leader, 60 officialese.
    lix = len(words) / n_sentence + 100 * sum(len(word) > 6 for word in words) / len(words)
    assert len(words) > 60
    assert lix < 50
