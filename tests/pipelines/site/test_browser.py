"""The site in a real browser: from a folder and a server, by keyboard, on a phone, enlarged."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

PAGES = (
    "index.html", "whole.html", "municipalities.html", "matrix.html", "numbers.html", "method.html",
    "revisions.html", "downloads.html", "area/elderly_care.html", "municipality/1489.html",
)  # fmt: skip
WIDTHS = {"computer": 1280, "enlarged to 200 %": 640, "phone": 360}


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and prints nothing."""

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def served(release: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(release)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


class Opened:
    """A page, and what the browser said and asked for meanwhile."""

    def __init__(self, browser: Browser, url: str, *, width: int = 1280) -> None:
        self.context = browser.new_context(viewport={"width": width, "height": 800})
        self.page: Page = self.context.new_page()
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(url)

    def __enter__(self) -> "Opened":
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()


@pytest.mark.parametrize("path", PAGES)
def test_a_page_from_a_folder_says_no_error_asks_for_nothing_else_and_is_accessible(
    browser: Browser, release: Path, path: str
):
    with Opened(browser, (release / path).as_uri()) as opened:
        opened.page.wait_for_load_state("load")
        said, asked = list(opened.said), list(opened.asked)
        found = Axe().run(opened.page, options={"preload": False}).response["violations"]

    assert said == []
    assert [url for url in asked if not url.startswith((release.as_uri(), "data:"))] == []
    assert [(v["id"], v["impact"], v["nodes"][0]["html"]) for v in found] == []


@pytest.mark.parametrize("path", ["index.html", "area/elderly_care.html"])
def test_a_page_from_a_server_says_no_error_and_asks_no_one_else(
    browser: Browser, served: str, path: str
):
    with Opened(browser, f"{served}/{path}") as opened:
        opened.page.wait_for_load_state("load")

        assert opened.said == []
        assert [url for url in opened.asked if not url.startswith((served, "data:"))] == []


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
def test_no_page_is_wider_than_the_screen_and_no_text_is_cut(
    browser: Browser, release: Path, width: int
):
    for path in PAGES:
        with Opened(browser, (release / path).as_uri(), width=width) as opened:
            opened.page.wait_for_load_state("load")
            room = opened.page.evaluate("document.documentElement.scrollWidth")
            cut = opened.page.evaluate(
                """() => [...document.querySelectorAll("main p, main li, main td, main th, h1, h2")]
                .filter(e => getComputedStyle(e).overflow === "hidden" &&
                        e.scrollWidth > e.clientWidth).map(e => e.textContent.slice(0, 60))"""
            )

        assert room <= width, path
        assert cut == [], path


def test_a_municipality_is_found_and_opened_by_keyboard_alone(browser: Browser, release: Path):
    with Opened(browser, (release / "area" / "elderly_care.html").as_uri()) as opened:
        page = opened.page
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Till innehållet"
        for _ in range(20):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.id") == "search":
                break
        page.keyboard.type("lidkop")
        assert page.locator("#how-many").text_content() == "1 träff."
        page.keyboard.press("ArrowDown")
        assert page.evaluate("document.activeElement.textContent") == "Lidköping"

        page.keyboard.press("Enter")

        page.wait_for_url("**/municipality/1494.html")
        assert "Lidköping" in str(page.locator("h1").text_content())


def test_a_search_that_finds_nothing_says_so_and_a_kpi_leads_to_its_place(
    browser: Browser, release: Path
):
    with Opened(browser, (release / "index.html").as_uri()) as opened:
        search, how_many = opened.page.locator("#search"), opened.page.locator("#how-many")
        search.fill("finns inte någonstans")
        assert "Inget hittades" in str(how_many.text_content())

        search.fill("n20900")
        search.press("Enter")

        opened.page.wait_for_url("**/area/elderly_care.html#N20900")


@pytest.mark.parametrize("width", [1280, 360])
def test_charts_are_drawn_where_scripts_run_and_are_images_where_they_do_not(
    browser: Browser, release: Path, width: int
):
    url = (release / "area" / "elderly_care.html").as_uri()
    with Opened(browser, url, width=width) as opened:
        opened.page.wait_for_selector(".chart .main-svg")
        drawn = opened.page.locator(".chart .main-svg").first.bounding_box()
        assert opened.page.locator("figure > img").first.is_hidden()
        assert drawn is not None
        assert drawn["width"] <= width
        opened.page.emulate_media(media="print")
        assert opened.page.locator("figure > img").first.is_visible()
        assert opened.page.locator("nav").first.is_hidden()

    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(url)
    assert page.locator("figure > img").first.is_visible()
    assert page.locator(".search").is_hidden()
    context.close()
