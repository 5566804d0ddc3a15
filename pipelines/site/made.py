"""The whole site: every page of a release, and what they say held against the tables."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from pipelines.publish.page import plotly_js
from pipelines.site.about import downloads_page, method_page, revisions_page, search_index
from pipelines.site.areas import area_pages
from pipelines.site.facts import Facts
from pipelines.site.matrix import matrix_page
from pipelines.site.municipalities import list_page, municipality_pages
from pipelines.site.numbers import numbers_page
from pipelines.site.page import ASSETS, Frame, assets
from pipelines.site.picture import Picture
from pipelines.site.whole import start_page, whole_page
from pipelines.words.said import Said, WordsError, unfounded

MOST_TOLD = 5


def site_files(
    tables: Mapping[str, pl.DataFrame],
    frame: Frame,
    *,
    pictures: Mapping[str, Sequence[Picture]],
    downloads: Sequence[Mapping[str, Any]],
    method: str,
) -> dict[str, bytes]:
    """Make every page; the same tables give the same bytes.

    Parameters
    ----------
    tables : mapping
        The frames of a release by their names in it.
    frame : Frame
        What every page says of the release.
    pictures : mapping
        The charts of every area that has any.
    downloads : sequence of mapping
        The published tables, as `downloads_page` takes them.
    method : str
        How the official score is made, in Swedish.

    Raises
    ------
    WordsError
        If a sentence says a number that no published table holds.
    """
    facts = Facts(tables)
    pages: dict[str, bytes] = {**assets(), f"{ASSETS}/plotly.min.js": plotly_js().encode()}
    sentences: list[Said] = []
    for path, made in (
        ("index.html", start_page(facts, frame)),
        ("whole.html", whole_page(facts, frame)),
        ("revisions.html", revisions_page(facts, frame)),
    ):
        pages[path], said = made
        sentences += said
    for several in (area_pages(facts, frame, pictures), municipality_pages(facts, frame)):
        for path, body, said in several:
            pages[path] = body
            sentences += said
    pages["municipalities.html"] = list_page(facts, frame)
    pages["matrix.html"] = matrix_page(facts, frame)
    pages["numbers.html"] = numbers_page(facts, frame, method=method)
    pages["method.html"] = method_page(facts, frame, method=method)
    pages["downloads.html"] = downloads_page(frame, downloads)
    path, index = search_index(facts)
    pages[path] = index

    if faults := list(unfounded(sentences, tables)):
        raise WordsError(
            f"{len(faults)} numbers of the pages are in no table: {'; '.join(faults[:MOST_TOLD])}. "
            "Correct the sentence that says them; nothing is published."
        )
    return pages
