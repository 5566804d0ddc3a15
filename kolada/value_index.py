"""Where in a large frame of observations the values are that a question asks for.

A whole Kolada is 25 million values. Their ids are kept as numbers of one or two bytes, in order of
KPI, period and unit, so that a question looks through few of them.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from kolada.errors import ArchiveError

Codes = npt.NDArray[np.unsignedinteger[Any]]
Places = npt.NDArray[np.int64]

STRETCH = 1 << 20  # values looked through at a time, which bounds the memory of a look-up
EPOCH = date(1970, 1, 1)
NEVER = np.iinfo(np.int32).min  # the day of change that is before all memory


@dataclass(frozen=True, slots=True)
class Form:
    """What is said of a value beside the number."""

    gender: str | None
    count: int | None
    status: str | None
    is_deleted: bool | None


@dataclass(frozen=True, slots=True)
class Values:
    """Values whose kpi, period, unit and form are places in the lists of a `ValueIndex`."""

    kpi: Codes
    period: Codes
    unit: Codes
    form: Codes
    value: pl.Series  # Float64

    def at(self, places: Places) -> "Values":
        """Those at some places, in the order of the places."""
        return Values(
            self.kpi[places],
            self.period[places],
            self.unit[places],
            self.form[places],
            self.value.gather(places),
        )

    def joined(self, other: "Values") -> "Values":
        """These and then the others."""
        return Values(
            np.concatenate([self.kpi, other.kpi]),
            np.concatenate([self.period, other.period]),
            np.concatenate([self.unit, other.unit]),
            np.concatenate([self.form, other.form]),
            pl.concat([self.value, other.value], rechunk=True),
        )


@dataclass(frozen=True, slots=True)
class ValueIndex:
    """The values of one kind of unit in the order of an answer, and where each is found.

    `values` are ordered by kpi, period, unit and gender. The lists hold what their codes stand
    for: ids and periods in order, and each `Form` once.
    """

    kpis: Sequence[str]
    periods: Sequence[int]
    units: Sequence[str]
    genders: Sequence[str | None]
    forms: Sequence[Form]
    gender: Codes  # (n_form,), places in `genders`
    is_present: npt.NDArray[np.bool_]  # (n_form,), false of what is deleted
    values: Values
    begin: Places  # (n_kpi * n_period + 1,), the first value of each kpi and period
    changed: npt.NDArray[np.int32] | None  # days since EPOCH or NEVER; None where all are NEVER
    by_day: Places  # the values with a known day of change, in the order of that day

    @classmethod
    def of(
        cls,
        frame: pl.DataFrame,
        unit: str,
        *,
        units: Sequence[str] = (),
        forms: Sequence[Form] = (),
    ) -> "ValueIndex":
        """Index a frame of `OBSERVATION_SCHEMA` or `OU_OBSERVATION_SCHEMA`.

        Parameters
        ----------
        frame : frame
            One row per gender, in any order; what is in order already is not copied.
        unit : {"municipality", "ou"}
            The column with the unit's id.
        units, forms
            What is given a code even where no row has it.

        Raises
        ------
        ArchiveError
            If a row has no kpi, unit or period, or two are of the same and the same gender.
        """
        if without := [name for name in ("kpi", unit, "period") if frame[name].null_count()]:
            raise ArchiveError(
                f"The archive has observations without {' and '.join(without)}. Make the archive "
                "anew."
            )
        kpi, kpis = _coded(frame["kpi"])
        period, periods = _coded(frame["period"])
        place, all_units = _coded(frame[unit], units)
        form, all_forms = _form_codes(frame, forms)
        genders = sorted({one.gender for one in all_forms}, key=lambda gender: gender or "")
        gender = np.array([genders.index(one.gender) for one in all_forms], dtype=np.uint32)
        values = Values(kpi, period, place, form, frame["value"].rechunk())
        changed = _days(frame["changed"])
        sizes = len(periods), len(all_units), len(genders)
        key = _key(values, gender, sizes)
        if not bool((key[1:] > key[:-1]).all()):
            order = np.argsort(key)
            values, key = values.at(order), key[order]
            changed = None if changed is None else changed[order]
            _refuse_twice(frame, unit, order[1:][key[1:] == key[:-1]])
        blocks = np.arange(len(kpis) * len(periods) + 1, dtype=np.uint64)
        return cls(
            kpis=kpis,
            periods=periods,
            units=all_units,
            genders=genders,
            forms=all_forms,
            gender=gender,
            is_present=np.array([one.is_deleted is False for one in all_forms], dtype=np.bool_),
            values=values,
            begin=np.searchsorted(key, blocks * np.uint64(sizes[1] * sizes[2])),
            changed=changed,
            by_day=_by_day(changed),
        )

    def ordered(self, values: Values) -> Values:
        """`values` by kpi, period, unit and gender."""
        sizes = len(self.periods), len(self.units), len(self.genders)
        return values.at(np.argsort(_key(values, self.gender, sizes), kind="stable"))

    def places(
        self,
        *,
        kpi: Sequence[str],
        period: Sequence[int],
        unit: npt.NDArray[np.bool_],
        since: date | None = None,
        with_deleted: bool = False,
    ) -> Places:
        """Where the values asked for are, in order.

        Parameters
        ----------
        kpi, period
            Ids and periods; unknown ones have no values, and an empty list stands for all.
        unit : array of bool, shape (n_unit,)
            Whether each of `units` is asked for.
        since : date, optional
            Only what has changed on that day or later, deleted or not.
        with_deleted : bool
            Whether deleted values are among the others too.
        """
        kpis, periods = _chosen(self.kpis, kpi), _chosen(self.periods, period)
        if since is None:
            found = self._looked_through(kpis, periods, unit)
            if with_deleted or self.is_present.all():
                return found
            return found[self.is_present[self.values.form[found]]]
        day = (since - EPOCH).days
        changed = self.changed
        if changed is None:
            return np.empty(0, dtype=np.int64)
        if kpi:
            found = self._looked_through(kpis, periods, unit)
            return found[changed[found] >= day]
        found = self.by_day[bisect_left(self.by_day, day, key=lambda one: int(changed[one])) :]
        in_period = np.zeros(len(self.periods), dtype=np.bool_)
        in_period[periods] = True
        found = found[unit[self.values.unit[found]]]
        found = found[in_period[self.values.period[found]]]
        return np.sort(found)

    def _looked_through(self, kpis: Places, periods: Places, unit: npt.NDArray[np.bool_]) -> Places:
        found = [
            start + np.flatnonzero(unit[self.values.unit[start:end]])
            for start, end in self._stretches(kpis, periods)
        ]
        return np.concatenate(found) if found else np.empty(0, dtype=np.int64)

    def _stretches(self, kpis: Places, periods: Places) -> Iterator[tuple[int, int]]:
        """The values of some KPIs and periods, as stretches without a gap."""
        blocks = (kpis[:, None] * len(self.periods) + periods).ravel()
        is_last = np.append(np.diff(blocks) != 1, True)[: blocks.size]
        is_first = np.append(True, is_last[:-1])[: blocks.size]
        for first, end in zip(
            self.begin[blocks[is_first]], self.begin[blocks[is_last] + 1], strict=True
        ):
            for start in range(int(first), int(end), STRETCH):
                yield start, min(start + STRETCH, int(end))


def texts(column: pl.Series) -> list[str]:
    """The different texts of a column, in order."""
    return column.unique().cast(pl.String).drop_nulls().sort().to_list()


def _chosen(known: Sequence[Any], asked: Sequence[Any]) -> Places:
    return places_of(known, asked) if asked else np.arange(len(known))


def places_of(known: Sequence[Any], asked: Iterable[Any]) -> Places:
    """The places in an ordered list of those asked for that are in it, in order, each once."""
    places = ((bisect_left(known, one), one) for one in asked)
    found = {place for place, one in places if place < len(known) and known[place] == one}
    return np.array(sorted(found), dtype=np.int64)


def _coded(column: pl.Series, more: Sequence[Any] = ()) -> tuple[Codes, list[Any]]:
    """The place of each element in the list of all that there are, and that list, in order."""
    known: list[Any]
    if column.dtype in (pl.String, pl.Categorical, pl.Enum):
        known = sorted({*texts(column), *more})
        codes = column.cast(pl.Enum(known)).to_physical()
    else:
        known = sorted({*column.unique().drop_nulls(), *more})
        places = pl.Series(range(len(known)), dtype=pl.UInt32)
        codes = column.replace_strict(
            pl.Series(known, dtype=column.dtype), places, return_dtype=pl.UInt32
        )
    if codes.null_count():
        codes = codes.cast(pl.UInt32).fill_null(len(known))
        known = [*known, None]
    return codes.cast(_narrowest(len(known))).rechunk().to_numpy(), known


def _narrowest(n: int) -> pl.DataType:
    """The smallest type that holds n codes."""
    return pl.UInt8() if n <= 1 << 8 else pl.UInt16() if n <= 1 << 16 else pl.UInt32()


def _form_codes(frame: pl.DataFrame, more: Sequence[Form]) -> tuple[Codes, list[Form]]:
    parts = [_coded(frame[name]) for name in ("gender", "count", "status", "is_deleted")]
    number = np.zeros(frame.height, dtype=np.uint64)
    for codes, known in parts:
        number *= np.uint64(len(known))
        number += codes
    form, numbers = _coded(pl.Series(number))
    forms = []
    for one in numbers:
        said = []
        for _, known in reversed(parts):
            one, place = divmod(one, len(known))
            said.append(known[place])
        forms.append(Form(*reversed(said)))
    known_forms = set(forms)
    forms += [one for one in more if one not in known_forms]
    return form.astype(np.min_scalar_type(len(forms)), copy=False), forms


def _key(values: Values, gender_of_form: Codes, sizes: tuple[int, int, int]) -> Codes:
    """A number for each value that has the order of kpi, period, unit and gender."""
    key = values.kpi.astype(np.uint64)
    parts = values.period, values.unit, gender_of_form[values.form]
    for size, codes in zip(sizes, parts, strict=True):
        key *= np.uint64(size)
        key += codes
    return key


def _refuse_twice(frame: pl.DataFrame, unit: str, again: Places) -> None:
    if again.size:
        rows = frame[again[:5]].select("kpi", "period", unit, "gender").rows()
        named = ", ".join(" ".join(map(str, row)) for row in rows)
        raise ArchiveError(
            f"The archive has more than one value of {named} ({again.size} too many). Make the "
            "archive anew."
        )


def _days(changed: pl.Series) -> npt.NDArray[np.int32] | None:
    if changed.null_count() == len(changed):
        return None
    return changed.to_physical().fill_null(NEVER).rechunk().to_numpy()


def _by_day(changed: npt.NDArray[np.int32] | None) -> Places:
    if changed is None:
        return np.empty(0, dtype=np.int64)
    known = np.flatnonzero(changed != NEVER)
    return known[np.argsort(changed[known], kind="stable")]
