#!/usr/bin/env python3
"""Simulates the scheduler on 1 to 128 workers, and draws its speed-up.

Words: (none) the curves, to results/scale; `predict` holds predicted times of two threads against
measured ones; `measure` measures the costs anew and overwrites costs.json, which is frozen.
Exit code: 0 done, 1 a program failed, 2 a target was missed and --check was given."""
import argparse
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
import costing  # noqa: E402
import curves  # noqa: E402
from measuring import FOREIGN, Quiet, contest  # noqa: E402
from runner.report import machine  # noqa: E402

TREES = {"fib": ("fib", 35), "uts T1": ("uts", 1), "uts T3": ("uts", 3), "nqueens": ("nqueens", 13),
         "cilksort": ("cilksort", 10_000_000)}
WORKERS = (1, 2, 4, 8, 16, 32, 64, 128)
# The code's policies, and the same with some switched back; README.md tells why. Each with the
# numbers of sockets where it makes a difference.
NEAR_ONLY = ["--roam", "0", "--search-share", "0", "--home-apart", "0"]
BEFORE = [word for name in ("leave-to-searchers", "look-first", "questions-stand", "count-called",
                            "leave-fresh", "near-first") for word in ("--" + name, "0")]
POLICIES = {"as it is": ([], (1, 2)),
            "near only, one call": (NEAR_ONLY, (1, 2)),
            "any victim first": (["--near-first", "0"], (2,)),
            "before": (BEFORE + NEAR_ONLY + ["--visits-a-look", "1"], (1, 2))}
# Efficiency, serial time over workers' time, that the policies must reach.
TARGETS = [(tree, workers, least) for tree in ("uts T1", "uts T3", "nqueens")
           for workers, least in ((16, 0.9), (64, 0.8))]
PREDICTED = ("nqueens", "cilksort")
WITHIN = 0.10


def simulate(folder, tree, workers, sockets=1, seed=1, policy=()):
    workload, size = TREES[tree]
    run = subprocess.run(
        [str(folder / "bench_scale"), "--costs", str(costing.FILE), "--workload", workload,
         "--size", str(size), "--workers", str(workers), "--sockets", str(sockets), "--seed",
         str(seed), *policy], capture_output=True, text=True, timeout=600)
    if run.returncode:
        raise RuntimeError(run.stderr.strip())
    return json.loads(run.stdout)


def point(tree, policy, sockets, workers, runs):
    """The median over the seeds; what happened per second and worker, of the median run."""
    told = sorted(runs, key=lambda r: r["ns"])[len(runs) // 2]
    seconds = told["ns"] * 1e-9
    each = {f"{name}_per_second_and_worker": told[name] / seconds / workers
            for name in ("barriers", "wakes", "stolen", "blocks")}
    return {"tree": tree, "policy": policy, "sockets": sockets, "workers": workers,
            "seeds": len(runs), "ms": told["ns"] * 1e-6, "speed_up": told["serial_ns"] / told["ns"],
            "efficiency": told["serial_ns"] / told["ns"] / workers,
            "worst_efficiency": told["serial_ns"] / runs_worst(runs) / workers, **each,
            **{name: told[name] for name in ("forks", "stolen", "stolen_far", "forced", "parks", "wakes",
                                             "blocks", "spares", "barriers")}}


def runs_worst(runs):
    return max(r["ns"] for r in runs)


def draw(folder, chosen):
    cases = [(tree, name, sockets, workers) for tree in chosen.trees
             for name, (_, places) in POLICIES.items() for sockets in places
             for workers in WORKERS if sockets <= workers]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = pool.map(lambda c: [simulate(folder, c[0], c[3], c[2], seed, POLICIES[c[1]][0])
                                   for seed in range(1, chosen.seeds + 1)], cases)
        points = []
        for case, some in zip(cases, runs):
            p = point(*case, some)
            points.append(p)
            print(f"{p['tree']:9} {p['policy']:16} {p['sockets']} sockets {p['workers']:4} workers "
                  f"{p['ms']:9.2f} ms, speed-up {p['speed_up']:6.2f}, efficiency "
                  f"{p['efficiency']:.3f}, barriers/s/worker "
                  f"{p['barriers_per_second_and_worker']:7.1f}, wake-ups/s/worker "
                  f"{p['wakes_per_second_and_worker']:7.1f}", flush=True)
    return points


def judge(points):
    found = []
    for tree, workers, least in TARGETS:
        for p in points:
            if (p["tree"], p["workers"]) == (tree, workers):
                found.append({"what": f"efficiency of {tree}, {workers} workers, "
                                      f"{p['sockets']} sockets, policies {p['policy']}",
                              "simulated": round(p["efficiency"], 3), "at_least": least,
                              "met": p["efficiency"] >= least, "policy": p["policy"]})
    return found


def verdict_of(error, foreign):
    if foreign > FOREIGN:
        return f"not judged: others had up to {100 * foreign:.0f} % of the cores"
    return "met" if abs(error) <= WITHIN else "MISSED"


def predict(folder, chosen):
    """Serial and two threads in the same turns: the machine may have drifted since the costs were
    measured. Half of the CPU time of both threads stands beside the wall time: it depends less on
    what others do, but leaves out what a thread slept."""
    found = []
    for workload in PREDICTED:
        told = simulate(folder, workload, 2)
        quiet = Quiet({"serial": contest(folder, workload, "serial", 1),
                       "two": contest(folder, workload, "filch_native", 2)}, chosen.seconds)
        predicted = told["ns"] * 1e-9
        wall, cpu = (quiet.seconds("two", workload, key) for key in ("seconds", "cpu"))
        serial, foreign = quiet.seconds("serial", workload, "cpu"), quiet.foreign("two")
        drift = serial / (told["serial_ns"] * 1e-9)
        found.append({
            "workload": workload, "predicted_ms": predicted * 1e3, "measured_ms": wall * 1e3,
            "error": predicted / wall - 1, "half_of_the_cpu_ms": cpu / 2 * 1e3,
            "error_against_half_of_the_cpu": 2 * predicted / cpu - 1,
            "serial_now_over_serial_of_the_costs": drift,
            "error_against_half_of_the_cpu_without_drift": 2 * predicted * drift / cpu - 1,
            "turns": len(quiet.turns["two"]), "turns_tried": quiet.tried,
            "foreign_share_of_the_cores": foreign,
            "verdict": verdict_of(predicted / wall - 1, foreign)})
        f = found[-1]
        print(f"{workload}: predicted {f['predicted_ms']:.0f} ms, measured {f['measured_ms']:.0f} "
              f"ms, {100 * f['error']:+.1f} %: {f['verdict']}\n  half of both threads' CPU time "
              f"{f['half_of_the_cpu_ms']:.0f} ms, {100 * f['error_against_half_of_the_cpu']:+.1f} "
              f"%; serial time is {drift:.3f} of the costs', without that drift "
              f"{100 * f['error_against_half_of_the_cpu_without_drift']:+.1f} %", flush=True)
    return found


def options(words):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("word", nargs="?", choices=("curves", "predict", "measure"),
                        default="curves")
    parser.add_argument("--build", type=Path, default=Path("build/release"))
    parser.add_argument("--results", type=Path, default=Path("results/scale"))
    parser.add_argument("--trees", nargs="+", choices=TREES, default=list(TREES))
    parser.add_argument("--seeds", type=int, default=3, help="runs of each point (default: 3)")
    parser.add_argument("--seconds", type=float, default=120.0,
                        help="how long measured turns may be repeated until they are quiet")
    parser.add_argument("--check", action="store_true", help="exit with 2 if a target is missed")
    return parser.parse_args(words)


def main(words):
    chosen = options(words)
    folder = chosen.build / "bench" / "contest"
    file = chosen.results / "scale.json"
    if chosen.word == "measure":
        costing.measure(folder, machine(), chosen.seconds)
        print(f"costs are in {costing.FILE}")
        return 0
    data = json.loads(file.read_text()) if file.exists() else {}
    data["machine"] = machine()
    chosen.results.mkdir(parents=True, exist_ok=True)
    if chosen.word == "predict":
        data["prediction"] = predict(folder, chosen)
        missed = [p for p in data["prediction"] if p["verdict"] == "MISSED"]
    else:
        others = [p for p in data.get("points", []) if p["tree"] not in chosen.trees]
        data["points"] = others + draw(folder, chosen)
        data["targets"] = judge(data["points"])
        missed = [t for t in data["targets"] if not t["met"] and t["policy"] == "as it is"]
        for t in data["targets"]:
            print(f"{'met   ' if t['met'] else 'MISSED'} {t['what']}: {t['simulated']}, "
                  f"at least {t['at_least']}")
        for tree in chosen.trees:
            some = [p for p in data["points"] if p["tree"] == tree]
            (chosen.results / f"{tree.replace(' ', '_')}.svg").write_text(curves.svg(tree, some))
    file.write_text(json.dumps(data, indent=1) + "\n")
    print(f"figures are in {chosen.results}")
    return 2 if chosen.check and missed else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (RuntimeError, FileNotFoundError, subprocess.CalledProcessError) as error:
        print(f"run.py: {error}", file=sys.stderr)
        sys.exit(1)
