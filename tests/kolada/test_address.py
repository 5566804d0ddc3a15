import pytest

from kolada.address import followed, host, shown
from kolada.errors import AnswerError

BASE = "https://api.kolada.se/v3"


@pytest.mark.parametrize(
    "named",
    [
        "https://api.kolada.se/v3/kpi?page=2",
        "/v3/kpi?page=2",
        "?page=2",
        "https://api.kolada.se:443/v3/kpi?page=2",
        "http://api.kolada.se/v3/kpi?page=2",  # a proxy that does not tell of https
        "https://API.kolada.se/v3/kpi?page=2",
    ],
)
def test_an_address_on_our_host_is_asked_there_and_never_in_the_clear(named):
    assert followed(named, asked=f"{BASE}/kpi", base_url=BASE) == f"{BASE}/kpi?page=2"


@pytest.mark.parametrize(
    "named",
    [
        "https://kolada.example/v3/kpi?page=2",
        "https://api.kolada.se.example/v3/kpi",
        "https://api.kolada.se:8443/v3/kpi",
        "https://api.kolada.se@kolada.example/v3/kpi",
        "//kolada.example/v3/kpi",
        "ftp://api.kolada.se/v3/kpi",
        "file:///etc/passwd",
        "https://api.kolada.se:99999/v3/kpi",
        "https://[api.kolada.se/v3/kpi",
    ],
)
def test_an_address_elsewhere_is_refused_by_name(named):
    with pytest.raises(AnswerError, match="another host") as refusal:
        followed(named, asked=f"{BASE}/kpi", base_url=BASE)

    assert named in str(refusal.value)


def test_a_host_that_two_parsers_read_differently_is_not_taken_from_the_answer():
    # The standard library reads api.kolada.se here, and the HTTP library kolada.example.
    named = "https://kolada.example\\@api.kolada.se/v3/kpi"

    assert followed(named, asked=f"{BASE}/kpi", base_url=BASE) == f"{BASE}/kpi"


@pytest.mark.parametrize("url", ["api.kolada.se/v3", "ftp://api.kolada.se", "https://", "http://["])
def test_what_is_no_address_has_no_host(url):
    assert host(url) is None


def test_a_long_address_is_cut_where_it_is_shown_and_a_short_one_is_not():
    assert shown("http://kolada.test/v3/kpi") == "http://kolada.test/v3/kpi"
    assert shown("x" * 200) == "x" * 140 + "…"
