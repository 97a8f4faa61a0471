#!/usr/bin/env python3
"""Lets programs fetch the same URLs in turns, and writes a table, JSON and a plot.

Pools that hold a thread for each open request are first tried in several sizes; the best one
competes. At most 256 requests are open at once for everybody; a pool that is better with more
competes with that, too.
Exit code: 0 measured, 1 a program failed or gave a wrong answer, 2 a target was missed and --check
was given."""
import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
import contenders  # noqa: E402
import telling  # noqa: E402
from contenders import FLIGHT, Failed, fetch  # noqa: E402
from runner.report import machine  # noqa: E402

WIDTHS = (8, 16, 32, 64, 128, 256, 512)


@dataclass(frozen=True)
class Place:
    """Where the programs are and how they are run."""
    folder: Path
    server: Path
    servers: int
    seed: int
    patience: float


@dataclass
class Entry:
    """A contender of one size and its runs."""
    contender: contenders.Contender
    width: int
    runs: list

    @property
    def name(self):
        return self.contender.name + (f", {self.width} threads" if self.contender.tuned else "")


def options(words):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, default=Path("build/release"))
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--turns", type=int, default=7, help="measured turns (default: 7)")
    parser.add_argument("--tries", type=int, default=3,
                        help="runs of each size of a pool that is tried (default: 3)")
    parser.add_argument("--servers", type=int, default=1, help="server processes (default: 1)")
    parser.add_argument("--seed", type=int, default=1, help="of the latencies (default: 1)")
    parser.add_argument("--only", nargs="+", metavar="WORD", default=[],
                        help="only contenders whose name has one of these words")
    parser.add_argument("--loads", nargs="+", metavar="N", type=int, default=[],
                        help="only these loads, counted from 1")
    parser.add_argument("--patience", type=float, default=120.0,
                        help="seconds that a single run may take (default: 120)")
    parser.add_argument("--quick", action="store_true", help="small loads, 2 turns: a smoke test")
    parser.add_argument("--check", action="store_true", help="exit with 2 if a target is missed")
    chosen = parser.parse_args(words)
    if chosen.quick:
        chosen.turns, chosen.tries = 2, 1
    return chosen


def tune(contender, load, place, tries, tell):
    """The median time of each size, in turns."""
    widths = load.widths(WIDTHS)
    times = {width: [] for width in widths}
    for turn in range(tries):
        for width in widths if turn % 2 == 0 else reversed(widths):
            tell(f"{load.name}: {contender.name}, {width} threads, try {turn + 1} of {tries}")
            times[width].append(fetch(contender, load, width, place)["seconds"])
    return times


def entries_of(contender, load, place, tries, tell):
    """The sizes with which it competes, and what was tried."""
    if not contender.tuned:
        return [Entry(contender, FLIGHT, [])], []
    times = tune(contender, load, place, tries, tell)
    best = min(times, key=lambda width: median(times[width]))
    polite = min((w for w in times if w <= FLIGHT), key=lambda width: median(times[width]))
    tried = [{"contender": contender.name, "width": w, "seconds": t} for w, t in times.items()]
    return [Entry(contender, width, []) for width in sorted({best, polite})], tried


def run_load(load, chosen, place, tell):
    """The entries with their runs, what was tried before, and the failures."""
    entries, tried, failures = [], [], []
    for contender in contenders.CONTENDERS:
        wanted = not chosen.only or any(word in contender.name for word in chosen.only)
        if not wanted or not contender.fits(load):
            continue
        try:
            some, sizes = entries_of(contender, load, place, chosen.tries, tell)
        except Failed as error:
            failures.append(str(error))
            continue
        entries += some
        tried += sizes
    for turn in range(chosen.turns + 1):
        for entry in list(entries) if turn % 2 == 0 else list(reversed(entries)):
            tell(f"{load.name}, turn {turn} of {chosen.turns}: {entry.name}")
            try:
                run = fetch(entry.contender, load, entry.width, place)
            except Failed as error:
                failures.append(str(error))
                entries.remove(entry)
                continue
            if turn > 0:  # the first one warms up
                entry.runs.append(run)
    return entries, tried, failures


def main(words):
    chosen = options(words)
    place = Place(chosen.build / "bench" / "contest",
                  chosen.build / "tests" / "support" / "latency_server", chosen.servers,
                  chosen.seed, chosen.patience)
    if not place.server.is_file():
        print(f"run.py: there is no {place.server}: build the target filch_bench", file=sys.stderr)
        return 1
    about, tell = machine(), telling.ProgressLine()
    for key, value in about.items():
        print(f"{key}: {value}")
    loads = contenders.QUICK_LOADS if chosen.quick else contenders.LOADS
    loads = [load for i, load in enumerate(loads, 1) if not chosen.loads or i in chosen.loads]
    measured = {}
    for load in loads:
        measured[load] = run_load(load, chosen, place, tell)
        tell.clear()
        telling.show(load, *measured[load])
    verdicts = [] if chosen.quick else telling.judge(measured)
    for verdict in verdicts:
        print(f"{verdict.outcome}: {verdict.what}: {verdict.figures}")
    telling.write(chosen.results, about, measured, verdicts, chosen)
    print(f"figures, tables and a plot are in {chosen.results}/fetch_urls.*")
    failed = any(failures for _, _, failures in measured.values())
    missed = any(v.outcome == "MISSED" for v in verdicts)
    return 1 if failed else 2 if chosen.check and missed else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except RuntimeError as error:
        print(f"run.py: {error}", file=sys.stderr)
        sys.exit(1)
