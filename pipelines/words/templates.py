"""The templates of `sentences.toml`, by room and name."""

import tomllib
from functools import cache
from importlib.resources import files

from pipelines.words.said import Cell, Said, WordsError, said


def sentence(name: str, /, **cells: Cell) -> Said:
    """Fill the template of a name such as `place.interval`.

    Raises
    ------
    WordsError
        If there is no such template, or the cells do not fit it.
    """
    if name not in _templates():
        raise WordsError(
            f"There is no template {name}. Write it into sentences.toml, or correct the name."
        )
    return said(_templates()[name], **cells)


@cache
def _templates() -> dict[str, str]:
    text = files("pipelines.words").joinpath("sentences.toml").read_text(encoding="utf-8")
    return {
        f"{room}.{name}": template
        for room, templates in tomllib.loads(text).items()
        for name, template in templates.items()
    }
