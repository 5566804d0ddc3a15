"""Times the frontier methods on made-up DMUs, and against peers in the same run.

Every figure is the least of several runs of a function that has been called once before, so that
compilation is not in it; the import, the compilation and the load of what was compiled are rows of
their own. Peers are HiGHS, one programme per DMU as it is written in textbooks, and DEAPack from
PyPI where it is installed (`pip install deapack pandas`).
"""

import importlib.util
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import chain

import numpy as np

from models.frontier.bootstrap import bootstrap
from models.frontier.fdh import fdh
from models.frontier.kernel import radial, radial_replicates
from models.frontier.malmquist import malmquist
from models.frontier.partial import order_m
from models.frontier.programme import solve

SHAPES = ((1, 1), (2, 3), (3, 5))  # inputs and outputs
N, DRAWS, PERIODS = 290, 2000, 10
VRS = {"orientation": "input", "rts": "vrs"}


def made_up(n: int, m: int, s: int, seed: int = 1489) -> tuple[np.ndarray, np.ndarray]:
    """DMUs behind a smooth frontier: Cobb-Douglas with decreasing returns, half-normal lag."""
    generator = np.random.default_rng(seed)
    inputs = np.exp(generator.normal(3, 0.4, (n, m)))
    most = np.exp(np.log(inputs).mean(axis=1) * 0.8)
    mix = np.exp(generator.normal(0, 0.3, (n, s)))
    lag = np.exp(-np.abs(generator.normal(0, 0.25, n)))
    return inputs, (most * lag)[:, np.newaxis] * mix / np.linalg.norm(mix, axis=1)[:, np.newaxis]


def least_seconds(work: Callable[[], object], runs: int) -> float:
    """The least time of some runs, after one that does not count."""
    work()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def textbook(inputs: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """The scores by HiGHS, one programme per DMU."""
    n, m = inputs.shape
    s = outputs.shape[1]
    score = np.empty(n)
    for row in range(n):
        moved = np.concatenate([-inputs[row], np.zeros(s + 1)])[:, np.newaxis]
        score[row] = solve(
            np.append(np.zeros(n), 1.0),
            np.hstack([np.vstack([inputs.T, outputs.T, np.ones(n)]), moved]),
            row_lower=np.concatenate([np.full(m, -np.inf), outputs[row], [1.0]]),
            row_upper=np.concatenate([np.zeros(m), np.full(s, np.inf), [1.0]]),
        ).objective
    return score


def deapack_bcc(inputs: np.ndarray, outputs: np.ndarray) -> Callable[[], object] | None:
    """DEAPack's input-oriented BCC model of the same DMUs, if it is installed."""
    if importlib.util.find_spec("deapack") is None:
        return None
    import deapack
    import pandas as pd

    names = [f"x{i}" for i in range(inputs.shape[1])], [f"y{i}" for i in range(outputs.shape[1])]
    frame = pd.DataFrame(np.hstack([inputs, outputs]), columns=[*names[0], *names[1]])
    data = deapack.DEAData.from_frame(
        frame.assign(dmu=[f"{i}" for i in range(len(frame))]),
        dmu="dmu", inputs=names[0], outputs=names[1],
    )  # fmt: skip
    return lambda: deapack.BCCInput().fit(data)


Row = tuple[str, float, str]  # what was measured, in seconds, and against what


def of_shape(m: int, s: int) -> Iterator[Row]:
    """Everything that depends on the number of inputs and outputs."""
    inputs, outputs = made_up(N, m, s)
    four = inputs, outputs, inputs, outputs
    ours = least_seconds(lambda: radial(*four, **VRS), 30)
    highs = least_seconds(lambda: textbook(inputs, outputs), 2)
    error = np.abs(radial(*four, **VRS).farrell - textbook(inputs, outputs)).max()
    said = f"{highs / ours:,.0f} times HiGHS ({1e3 * highs:,.0f} ms; differ by {error:.0e})"
    if peer := deapack_bcc(inputs, outputs):
        theirs = least_seconds(peer, 2)
        said += f"; {theirs / ours:,.0f} times DEAPack ({1e3 * theirs:,.0f} ms, with targets)"
    yield f"{N} VRS scores, {m}/{s}", ours, said

    factor = np.exp(np.abs(np.random.default_rng(1).normal(0, 0.2, (DRAWS, N))))
    drawn = least_seconds(lambda: radial_replicates(*four, factor, **VRS), 2)
    yield f"{DRAWS} x {N} replicates, {m}/{s}", drawn, f"{1e6 * drawn / DRAWS / N:.2f} us each"
    whole = least_seconds(lambda: bootstrap(inputs, outputs, seed=1, draws=DRAWS, **VRS), 2)
    said = f"{highs * DRAWS / whole:,.0f} times HiGHS (extrapolated from one draw)"
    yield f"Simar-Wilson, {DRAWS} draws, {m}/{s}", whole, said

    years = [made_up(N, m, s, seed=year) for year in range(PERIODS)]
    panel = np.stack([x for x, _ in years]), np.stack([y for _, y in years])
    choices = {"orientation": "input", "rts": "crs", "benchmark": "adjacent"}
    change = least_seconds(lambda: malmquist(*panel, **choices), 5)
    yield f"Malmquist, {PERIODS} years, {m}/{s}", change, ""


def of_the_rest() -> Iterator[Row]:
    """What is measured for one shape, and what a new process pays."""
    inputs, outputs = made_up(N, 2, 3)
    hull = least_seconds(lambda: fdh(inputs, outputs, orientation="input"), 30)
    yield f"FDH of {N}, 2/3", hull, ""
    partial = least_seconds(lambda: order_m(inputs, outputs, m=50, orientation="input"), 30)
    yield f"order-m of {N}, 2/3, exact", partial, ""
    many = made_up(5000, 2, 3)
    yield "5 000 VRS scores, 2/3", least_seconds(lambda: radial(*many, *many, **VRS), 3), ""

    first = (
        "import numpy as np; from models.frontier.dea import dea; "
        "dea(np.ones((9, 1)), np.ones((9, 1)), orientation='input', rts='vrs')"
    )
    for name, work in (
        ("import of models.frontier.dea", "import models.frontier.dea"),
        ("import and first score, compiled before", first),
    ):
        code = f"import time; t = time.perf_counter(); {work}; print(time.perf_counter() - t)"
        times = [
            float(subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE,
                                 check=True).stdout)
            for _ in range(3)
        ]  # fmt: skip
        yield name, min(times), ""


def main() -> None:
    """Print one row after the other."""
    if importlib.util.find_spec("deapack") is None:
        print("DEAPack is not installed, so it is not compared with: pip install deapack pandas")
    every = [*(of_shape(m, s) for m, s in SHAPES), of_the_rest()]
    for name, seconds, said in chain.from_iterable(every):
        shown = f"{seconds:8.2f} s " if seconds >= 1 else f"{1e3 * seconds:8.2f} ms"
        print(f"{name:42} {shown}  {said}", flush=True)


if __name__ == "__main__":
    main()
