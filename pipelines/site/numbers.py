"""The page of numbers: what every method says of the municipality in focus, and how surely."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from pipelines.site.facts import Facts
from pipelines.site.page import Frame, page
from pipelines.wording import MISSING, NO_INTERVAL, REASONS, interval, swedish

NO_NUMBER = {  # by status of a frontier score or a change, beside those of a rank
    **REASONS,
    "no_quantity": "värdet kan inte läsas som en mängd",
    "infeasible": "kan inte beräknas: kommunen ligger utanför vad de andra visar",
    "no_pair": "uppgift saknas för ett av åren",
    "all_efficient": "alla kommuner ligger på fronten",
}
CLEAR = 0.9  # probability from which one municipality is said to be better than another
LEAST_SHOWN = 0.01  # a smaller probability rests on a handful of draws


@dataclass(frozen=True, slots=True)
class Number:
    """A row of the page; the texts are Swedish."""

    name: str
    value: str
    beside: str = ""  # its interval, or what it is compared with
    meaning: str = ""


@dataclass(frozen=True, slots=True)
class AreaNumbers:
    """All numbers of a service area."""

    title: str
    period: int
    lead: str
    numbers: tuple[Number, ...]


def numbers_page(facts: Facts, frame: Frame, *, method: str) -> bytes:
    """Make the page; `method` says in Swedish how the official score is made."""
    areas = [
        _area(facts.tables, area.name, area.title, area.period, frame.municipality)
        for area in facts.areas
        if area.is_ranked
    ]
    return page(
        "numbers.html.j2", "numbers.html", frame, title=f"{frame.municipality_title} i siffror",
        municipality=frame.municipality_title, areas=areas, method=method,
    )  # fmt: skip


def probability(share: float) -> str:
    """Return a probability in Swedish, as in 41 %; a small one is not told as if it were 0."""
    if share < LEAST_SHOWN:
        return "under 1 %"
    if share > 1 - LEAST_SHOWN:
        return "över 99 %"
    return f"{swedish(100 * share)} %"


def _area(
    tables: Mapping[str, pl.DataFrame], name: str, title: str, period: int, municipality: str
) -> AreaNumbers:
    def row(table: str) -> Mapping[str, Any]:
        rows = tables[table].filter(service_area=name, period=period, municipality=municipality)
        return rows.row(0, named=True) if rows.height else {}

    scored, rank = row("efficiency"), row("rank_interval")
    against = tables["better_than"].filter(
        service_area=name, period=period, municipality=municipality
    )
    numbers = [
        *_place(scored, rank),
        *_against_peers(against["p_better"].to_list()),
        *_index(scored, row("index_alternative")),
        *_frontier(row("dea_score"), row("order_m_score")),
        *_change(row("malmquist")),
    ]
    return AreaNumbers(title, period, _lead(scored, rank), tuple(numbers))


def _lead(scored: Mapping[str, Any], rank: Mapping[str, Any]) -> str:
    if scored["efficiency_rank"] is None:
        return f"Ingen plats: {REASONS.get(scored['status'], MISSING)}."
    place = f"Plats {swedish(scored['efficiency_rank'])} av {swedish(scored['n_ranked'])}"
    if rank.get("rank_low") is None:
        return f"{place}; {NO_INTERVAL}."
    return (
        f"{place}, troligen mellan {swedish(rank['rank_low'])} och {swedish(rank['rank_high'])}. "
        f"Sannolikheten att vara bland de tio bästa är {probability(rank['p_top10'])}."
    )


def _place(scored: Mapping[str, Any], rank: Mapping[str, Any]) -> Iterator[Number]:
    if scored["efficiency_rank"] is None:
        yield Number("Plats i landet", REASONS.get(scored["status"], MISSING))
        return
    has_interval = rank.get("rank_low") is not None
    yield Number(
        "Plats i landet",
        f"{swedish(scored['efficiency_rank'])} av {swedish(scored['n_ranked'])}",
        f"{interval(rank)} (90 %)" if has_interval else NO_INTERVAL,
        "Platsen efter effektivitetspoäng, och de platser som slumpen i uppgifterna tillåter.",
    )
    if not has_interval:
        return
    for name, column in (
        ("Sannolikhet för plats 1", "p_first"),
        ("Sannolikhet för de tio bästa", "p_top10"),
        ("Sannolikhet för bästa fjärdedelen", "p_top_quarter"),
    ):
        yield Number(name, probability(rank[column]))


def _against_peers(p_better: list[float]) -> Iterator[Number]:
    if not p_better:
        return
    n_better = sum(p >= CLEAR for p in p_better)
    n_worse = sum(1 - p >= CLEAR for p in p_better)
    n_unclear = len(p_better) - n_better - n_worse
    yield Number(
        "Klart bättre än",
        f"{swedish(n_better)} av {swedish(len(p_better))} jämförbara",
        f"klart sämre än {swedish(n_worse)}, går inte att skilja från {swedish(n_unclear)}",
        f"Klart: med minst {probability(CLEAR)} sannolikhet, parvis.",
    )


def _index(scored: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[Number]:
    peers = scored["peer_mean"]
    yield Number(
        "Effektivitetspoäng (0–100)",
        _points(scored["efficiency_score"]),
        "" if peers is None else f"jämförbara kommuners medel {swedish(peers, 1)}",
        "Medelvärdet av resursindex och kvalitetsindex.",
    )
    yield Number("Resursindex", _points(scored["resource_index"]), "", "Högre är lägre kostnad.")
    yield Number("Kvalitetsindex", _points(scored["quality_index"]), "", "Högre är bättre.")
    yield Number(
        "Poäng med fast bas",
        _points(other.get("fixed_base_score")),
        "",
        "Skalan är fryst vid ett basår, så att den egna utvecklingen syns.",
    )
    yield Number(
        "Poäng utan full kompensation",
        _points(other.get("geometric_score")),
        "",
        "Geometriskt medel: låg kvalitet vägs inte upp av låg kostnad.",
    )


def _frontier(dea: Mapping[str, Any], order_m: Mapping[str, Any]) -> Iterator[Number]:
    meaning = "Andelen av kostnaden som de bästa med minst samma kvalitet visar att det räcker med."
    if dea.get("score") is None:
        yield Number("Mot fronten (DEA)", _no_number(dea), "", meaning)
    else:
        yield Number(
            "Mot fronten (DEA), rättad",
            swedish(dea["bias_corrected"], 3),
            f"{swedish(dea['score_low'], 3)}–{swedish(dea['score_high'], 3)} (90 %)",
            meaning,
        )
        on_it = "på fronten" if dea["is_efficient"] else ""
        yield Number(
            "Mot fronten (DEA), orättad",
            swedish(dea["score"], 3),
            on_it,
            "Alltid för hög, för det finns mer att nå än vad kommunerna visar i år.",
        )
    m = order_m.get("m")
    yield Number(
        "Mot de bästa av slumpvis valda (order-m)"
        if m is None
        else f"Mot den bästa av {m} slumpvis valda (order-m)",
        _no_number(order_m) if order_m.get("score") is None else swedish(order_m["score"], 3),
        "",
        "Över 1: bättre än vad som är att vänta. En enstaka ytterlighet avgör inte.",
    )


def _change(malmquist: Mapping[str, Any]) -> Iterator[Number]:
    if malmquist.get("malmquist") is None:
        yield Number("Förändring från året före (Malmquist)", _no_number(malmquist))
        return
    low, high = malmquist["malmquist_low"], malmquist["malmquist_high"]
    yield Number(
        f"Förändring från {malmquist['period_before']} (Malmquist)",
        _percent(malmquist["malmquist"]),
        NO_INTERVAL if low is None else f"{_percent(low)} till {_percent(high)} (90 %)",
        "Mer kvalitet för pengarna, eller samma kvalitet för mindre.",
    )
    yield Number(
        "– varav närmare fronten",
        _percent(malmquist["efficiency_change"]),
        "",
        "Kommunen har tagit in på de bästa.",
    )
    yield Number(
        "– varav fronten själv",
        _percent(malmquist["technical_change"]),
        "",
        "De bästa har flyttat sig.",
    )


def _points(score: float | None) -> str:
    return MISSING if score is None else swedish(score, 1)


def _percent(factor: float) -> str:
    change = swedish(100 * (factor - 1), 1)
    return f"{change} %" if change.startswith("−") else f"+{change} %"


def _no_number(row: Mapping[str, Any]) -> str:
    return NO_NUMBER.get(row.get("status", ""), MISSING)
