"""Addresses that Kolada names: the next page and a redirect, never followed to another host."""

from urllib.parse import urljoin, urlsplit, urlunsplit

from kolada.errors import AnswerError

LONGEST_SHOWN = 140  # characters


def host(url: str) -> tuple[str, int | None] | None:
    """Host and port of an HTTP address, the usual port as None; None where it is not one."""
    try:
        parts = urlsplit(url)
        port = None if parts.port == {"http": 80, "https": 443}.get(parts.scheme) else parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    return parts.hostname, port


def followed(named: str, *, asked: str, base_url: str) -> str:
    """The address to ask when the answer to `asked` names another one.

    The host is never taken from the answer. So an address that two parsers read differently
    cannot lead elsewhere, and a proxy that says http for https cannot make us ask in the clear.

    Raises
    ------
    AnswerError
        If `named` is on another host than `base_url`, or not an address.
    """
    try:
        url = urljoin(asked, named)
    except ValueError:
        url = ""
    if host(url) != host(base_url):
        raise AnswerError(
            f"Kolada at {base_url} names an address on another host: {named[:200]}. It is not "
            "followed and nothing of this answer is stored; check KOLADA_URL."
        )
    ours, theirs = urlsplit(base_url), urlsplit(url)
    return urlunsplit((ours.scheme, ours.netloc, theirs.path, theirs.query, ""))


def shown(url: str) -> str:
    """The address as a message shows it: a list of ids is cut, for it can be two pages long."""
    return url if len(url) <= LONGEST_SHOWN else f"{url[:LONGEST_SHOWN]}…"
