"""Measures what the simulation is fed with, and freezes it in costs.json."""
import json
import os
import subprocess
from pathlib import Path
from statistics import median

from measuring import Quiet, contest

FILE = Path(__file__).resolve().parent / "costs.json"
FIB_FORKS = 14930351  # of fib(35)

# What two cores cannot show. The README tells where the figures are from.
ASSUMED = {
    "line_far": (2.5, "line", "2.5 times a line's way on the own socket"),
}
FIXED = {
    "barrier_core": (150, "one more interrupt to send, and one more answer to wait for"),
    "barrier_core_far": (300, "the same, across sockets"),
    "sleep": (2000, "a system call and a change of threads; who sleeps cannot time it"),
    "barrier_holds": (1.0, "the kernel lets one barrier of all processes through at a time"),
    "slice": (3e6, "of the kernel's scheduler"),
}


def serial_ns(sim, workload, costs):
    """What a tree's serial time comes to with those costs; those it does not need are 1."""
    file = FILE.with_name("costs.tmp")
    names = set(json.loads(FILE.read_text())["costs"]) | set(costs)
    try:
        file.write_text(json.dumps({"costs": {n: {"ns": costs.get(n, 1)} for n in names}}))
        told = subprocess.run([str(sim), "--costs", str(file), "--workload", workload,
                               "--workers", "1"], capture_output=True, text=True, check=True)
    finally:
        file.unlink(missing_ok=True)
    return json.loads(told.stdout)["serial_ns"]


def of_the_workloads(folder, seconds):
    """CPU time, not wall time: one thread's does not depend on who else ran."""
    quiet = Quiet({f"{w} {r}": contest(folder, w, r, 1)
                   for w, r in (("fib", "serial"), ("fib", "filch_native"), ("uts", "serial"),
                                ("nqueens", "serial"), ("cilksort", "serial"))}, seconds)

    def ns(name, event):
        return quiet.seconds(name, event, "cpu") * 1e9

    fib, forked = ns("fib serial", "fib"), ns("fib filch_native", "fib")
    found = {"fib_call": (fib / (2 * FIB_FORKS + 1), "fib(35), serial program, a call"),
             "fork": ((forked - fib) / FIB_FORKS, "fib(35) on one worker, above that, a fork"),
             "uts_t1_node": (ns("uts serial", "uts T1") / 4130071, "T1, serial program, a node"),
             "uts_t3_node": (ns("uts serial", "uts T3") / 4112897, "T3, serial program, a node"),
             "nqueens_test": (ns("nqueens serial", "nqueens")
                              / serial_ns(folder / "bench_scale", "nqueens", {}),
                              "nqueens(13), serial program, a test of a column or a queen")}
    foreign = {name: round(quiet.foreign(name), 3) for name in quiet.turns}
    return found, ns("cilksort serial", "cilksort"), foreign


def of_the_machine(folder, seconds):
    quiet = Quiet({"machine": [str(folder / "bench_scale_measure")]}, seconds)
    runs = [json.loads(t.said) for t in quiet.turns["machine"]]
    found = {name: median(run[name] for run in runs) for name in runs[0]}
    return ({name: (ns, "bench_scale_measure") for name, ns in found.items()},
            round(quiet.foreign("machine"), 3))


def measure(folder, about, seconds):
    costs, foreign_machine = of_the_machine(folder, seconds)
    more, sorting, foreign = of_the_workloads(folder, seconds)
    costs |= more
    # Leaves timed one by one say how the serial program's time is divided among them.
    parts = ("sort_element", "merge_element", "merge_split")
    told = serial_ns(folder / "bench_scale", "cilksort", {p: costs[p][0] for p in parts})
    for part in parts:
        costs[part] = (costs[part][0] * sorting / told,
                       "bench_scale_measure, times what makes the sum the serial program's time")
    for name, (times, of, why) in ASSUMED.items():
        costs[name] = (times * costs[of][0], f"assumed: {why}")
    for name, (ns, why) in FIXED.items():
        costs[name] = (ns, f"assumed: {why}")
    data = {"machine": about, "load_average_after": os.getloadavg()[0],
            "foreign_share_of_the_cores": {"machine": foreign_machine, **foreign},
            "costs": {name: {"ns": round(ns, 3), "from": why}
                      for name, (ns, why) in sorted(costs.items())}}
    FILE.write_text(json.dumps(data, indent=1) + "\n")
    return data
