#!/usr/bin/env python3
"""The long model checks: wider searches by the explorer, the same headers under relacy, and spin's
models of whole protocols. Works in build/model.
"""
import argparse
import os
import shutil
import subprocess
import sys
import time

from building import INCLUDES, MODEL, ROOT, build_explorer, build_program, compiler, sh

WORK = ROOT / "build/model"
CHECKER_TESTS = ("litmus", "explorer")
STRUCTURES = ("chase_lev", "crew", "event_count", "fork_parking", "gate", "late_answer", "latch",
              "open_place", "race_cell", "short_lock", "sleep_word", "split_deque", "stream_phase",
              "work_mark")
# Each model, and the defects that can be planted in it: every one must be found.
SPIN = {
    "parking": ("NO_SECOND_LOOK", "NO_EPOCH", "NO_WAKE"),
    "pool_life": ("CLOSE_FORGETS", "INSIDE_REFUSED", "LEAVE_BEFORE_SPAWN", "ENTER_UNCHECKED"),
}
NEEDED = {"spin": "spin", "/usr/include/relacy/relacy.hpp": "relacy-dev"}


class run:
    """What failed so far."""
    failed = []


def tell(text):
    print(f"\n== {text}", flush=True)


def record(name, good):
    if not good:
        run.failed.append(name)


def explore(name, objects, schedules):
    program, told = build_program(name, WORK / "programs", objects, "-O2")
    if not program:
        sys.exit(told)
    listed = sh(program, "--gtest_list_tests").stdout.splitlines()
    tests = sum(line.startswith("  ") for line in listed)
    environment = dict(os.environ)
    if name not in CHECKER_TESTS:
        environment |= {"FILCH_MODEL_BOUND": "3", "FILCH_MODEL_MOST": str(10**9),
                        "FILCH_MODEL_SCHEDULES": str(-(-schedules // tests))}
    tell(f"{name}: {tests} programs")
    sys.stdout.flush()
    record(name, subprocess.run([program, "--gtest_brief=1"], env=environment).returncode == 0)


def explore_all(names, schedules):
    objects = build_explorer(WORK / "explorer", "-O2")
    for name in names:
        explore(name, objects, schedules)


def check_relacy(schedules):
    tell("relacy")
    program = WORK / "relacy"
    program.parent.mkdir(parents=True, exist_ok=True)
    places = [f"-I{ROOT / i}" for i in INCLUDES]
    # relacy replaces the plain operator delete only, and warns a lot.
    done = sh(compiler(), "-std=c++20", "-O2", "-w", "-fno-sized-deallocation", *places,
              MODEL / "relacy/programs.cpp", "-o", program)
    if done.returncode:
        sys.exit(done.stderr[-3000:])
    sys.stdout.flush()
    record("relacy", subprocess.run([program, str(schedules)]).returncode == 0)


def spin_finds_errors(name, *flags):
    """True if spin's exhaustive search of the model reports an error."""
    folder = WORK / "spin" / "_".join([name, *(f.removeprefix("-D") for f in flags)])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for command in (("spin", "-a", *flags, MODEL / f"spin/{name}.pml"),
                    ("gcc", "-w", "-O2", "-DSAFETY", "-DCOLLAPSE", "-o", "pan", "pan.c")):
        done = sh(*command, cwd=folder)
        if done.returncode:
            sys.exit(done.stdout + done.stderr)
    told = sh("./pan", "-m1000000", cwd=folder).stdout
    if "errors: " not in told or "max search depth too small" in told:
        sys.exit(f"spin did not search {name} to its end:\n{told}")
    return "errors: 0" not in told


def check_spin():
    for name, defects in SPIN.items():
        tell(f"spin: {name}")
        wrong = spin_finds_errors(name)
        print("errors" if wrong else "clean, all states seen")
        record(f"spin {name}", not wrong)
        for defect in defects:
            found = spin_finds_errors(name, f"-D{defect}")
            print(f"{'found' if found else 'MISSED'}: {defect}", flush=True)
            record(f"spin {name} {defect}", found)


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("schedules", nargs="?", type=int, default=10_000_000,
                         help="random schedules for each structure")
    options.add_argument("--only", nargs="*", default=[*CHECKER_TESTS, *STRUCTURES, "relacy", "spin"],
                         help="structures, relacy, spin")
    chosen = options.parse_args()
    begin = time.monotonic()
    explore_all([n for n in chosen.only if n not in ("relacy", "spin")], chosen.schedules)
    for place, package in NEEDED.items():
        if package.split("-")[0] in chosen.only and not (shutil.which(place) or os.path.exists(place)):
            sys.exit(f"missing: {package}; install Debian's package of this name")
    if "relacy" in chosen.only:
        check_relacy(max(chosen.schedules // 10, 10_000))
    if "spin" in chosen.only:
        check_spin()
    tell(f"{time.monotonic() - begin:.0f} s" +
         (f", failed: {', '.join(run.failed)}" if run.failed else ", all clean"))
    sys.exit(bool(run.failed))


if __name__ == "__main__":
    main()
