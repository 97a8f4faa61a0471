#!/usr/bin/env python3
"""Runs the contest programs in turns, and writes tables, JSON and plots.

Exit code: 0 measured, 1 a program failed or gave a wrong answer, 2 a target was missed and --check
was given. Runtimes that a build has not are listed, with the reason."""
import argparse
import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from runner import plot, report, targets, turns  # noqa: E402
from runner.programs import of_build  # noqa: E402

WORKLOADS = ("fib", "skynet", "nqueens", "integrate", "uts", "matmul", "cilksort", "heat",
             "quicksort", "corners", "loops", "submits", "wakes", "graph_shapes", "mixed_load")
# What --quick solves; 0 is the usual size. The trees of uts are published and have no small one.
QUICK_SIZES = {"fib": 30, "skynet": 1_000_000, "nqueens": 11, "integrate": 300, "uts": 1,
               "matmul": 512, "cilksort": 1_000_000, "heat": 512, "quicksort": 1_000_000,
               "submits": 100_000, "graph_shapes": 128, "mixed_load": 4}
# Where threads sleep, a pool that does not notice needs a thread for each sleeper, too.
SLEEPERS = 256


def options(words):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", action="append", type=Path, metavar="DIR",
                        help="a build with contest programs; several, each with the compiler that "
                             "suits its runtimes, are run as one (default: build/release)")
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS, default=WORKLOADS)
    parser.add_argument("--runtimes", nargs="+", metavar="NAME",
                        help="only these, by the names of bench/runtimes (default: all)")
    parser.add_argument("--threads", nargs="+", type=int,
                        help="default: 1 2; for mixed_load the cores, and 256 more")
    parser.add_argument("--turns", type=int, default=31, help="measured turns (default: 31)")
    parser.add_argument("--fewest", type=int, default=7,
                        help="turns that are run however long they take (default: 7)")
    parser.add_argument("--seconds", type=float, default=60.0,
                        help="after so long an event gets no more turns (default: 60)")
    parser.add_argument("--size", type=int, help="the problem's size, for all workloads named")
    parser.add_argument("--quick", action="store_true",
                        help="small problems, 3 to 7 turns, 2 seconds: a smoke test")
    parser.add_argument("--results", type=Path, default=Path("results/contest"))
    parser.add_argument("--preload", default="", metavar="LIBRARY",
                        help="preloaded into all programs, such as an allocator")
    parser.add_argument("--no-pin", dest="pin", action="store_false",
                        help="let programs use all cores, not as many as they have threads")
    parser.add_argument("--patience", type=float, default=120.0,
                        help="seconds that a single answer may take (default: 120)")
    parser.add_argument("--check", action="store_true", help="exit with 2 if a target is missed")
    chosen = parser.parse_args(words)
    chosen.build = chosen.build or [Path("build/release")]
    if chosen.threads and min(chosen.threads) < 1:
        parser.error("--threads must be at least 1")
    if chosen.quick:
        chosen.turns, chosen.fewest, chosen.seconds = min(chosen.turns, 7), 3, 2.0
    return chosen


class ProgressLine:
    """One line on stderr that says what is running and then vanishes; nothing in a pipe."""

    def __init__(self):
        self.on_terminal = sys.stderr.isatty()

    def __call__(self, text):
        if self.on_terminal:
            print(f"\r\033[K{text[:100]}", end="", file=sys.stderr, flush=True)

    def clear(self):
        self("")


def size_of(workload, chosen):
    if chosen.size is not None:
        return chosen.size
    return QUICK_SIZES.get(workload, 0) if chosen.quick else 0


def threads_of(workload, chosen):
    if chosen.threads:
        return chosen.threads
    cores = len(os.sched_getaffinity(0))
    return [cores, cores + SLEEPERS] if workload == "mixed_load" else [1, 2]


def measure(workload, programs, missing, chosen, tell):
    """Runs one workload with each number of threads and leaves its files; the failures and the
    verdicts."""
    limits = turns.Limits(chosen.turns, chosen.fewest, chosen.seconds)
    size = size_of(workload, chosen)
    events, about, failures = [], {}, []
    for threads in threads_of(workload, chosen):
        some, known, failed = turns.run_workload(programs, threads, size, limits, chosen, tell)
        events += [e for e in some if e.series and e.turns > 0]
        failures += failed
        for name, facts in known.items():
            old = about.get((workload, name), {"peak_kib": 0})
            about[workload, name] = dict(facts, peak_kib=max(facts["peak_kib"], old["peak_kib"]))
    verdicts = [] if chosen.quick else targets.judge(workload, events, about)
    tell.clear()
    write(workload, events, about, verdicts, failures, missing, size, chosen.results)
    return failures, verdicts


def write(workload, events, about, verdicts, failures, missing, size, folder):
    folder.mkdir(parents=True, exist_ok=True)
    text = f"# {workload}\n"
    for event in events:
        rows = report.rows_of(workload, event, about)
        text += f"\n## {report.title(event)}\n\n" + report.markdown(rows)
        print(f"\n{report.title(event)}\n{report.plain(rows)}", end="", flush=True)
    if verdicts:
        lines = [f"{v.outcome}: {v.what}: {v.figures}" for v in verdicts]
        text += "\n## Targets\n\n" + "".join(f"* {line}\n" for line in lines)
        print("\n" + "\n".join(lines), flush=True)
    for failure in failures:
        text += f"\nFAILED: {failure}\n"
        print(f"FAILED: {failure}", file=sys.stderr, flush=True)
    data = report.as_data(workload, events, about, verdicts, failures, missing, size)
    (folder / f"{workload}.json").write_text(json.dumps(data, indent=1) + "\n")
    picture = plot.svg(workload, events)
    if picture:
        (folder / f"{workload}.svg").write_text(picture)
        text += f"\n![{workload}]({workload}.svg)\n"
    (folder / f"{workload}.md").write_text(text)


def tell_missing(missing, several):
    for m in missing:
        where = f" in {m.build}" if several else ""
        print(f"not measured{where}: {m.what}: {m.why}")


def main(words):
    chosen = options(words)
    programs, missing = [], []
    try:
        for build in chosen.build:
            have, have_not = of_build(build, chosen.workloads, chosen.runtimes or [])
            programs += have
            missing += have_not
    except FileNotFoundError as error:
        print(f"run.py: {error}", file=sys.stderr)
        return 1
    # What one build has is not missing.
    have = {name for p in programs for name in (p.runtime, f"{p.workload} on {p.runtime}")}
    missing = [m for m in missing if m.what not in have]
    for key, value in report.machine().items():
        print(f"{key}: {value}")
    tell_missing(missing, len(chosen.build) > 1)
    if max(max(threads_of(w, chosen)) for w in chosen.workloads) > len(os.sched_getaffinity(0)):
        print("more threads than cores: programs are not pinned there")
    tell, failed, missed = ProgressLine(), [], []
    for workload in chosen.workloads:
        those = [p for p in programs if p.workload == workload]
        if not those:
            failed.append(f"no program of {workload} is left")
            print(f"FAILED: {failed[-1]}", file=sys.stderr)
            continue
        failures, verdicts = measure(workload, those, missing, chosen, tell)
        failed += failures
        missed += [v for v in verdicts if v.outcome == "MISSED"]
    print(f"\nfigures, tables and plots are in {chosen.results}")
    return 1 if failed else 2 if chosen.check and missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
