#!/usr/bin/env python3
"""Plants one defect at a time into a header and lets its model program find it.

A mutant is killed when the program fails, crashes or does not end; one that survives, does not
apply, or does not compile fails the run. The headers as they are must pass first.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

from mutants import MUTANTS

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from building import INCLUDES, ROOT, build_explorer, build_program, sh  # noqa: E402

WORK = ROOT / "build/model-mutants"
OPTIMISED = "-O1"


def run_program(program, limit):
    try:
        run = sh(program, "--gtest_fail_fast", timeout=limit)
    except subprocess.TimeoutExpired:
        return "hung", f"no end within {limit} s"
    if run.returncode == 0:
        return "survived", ""
    failed = [l.split()[3] for l in run.stdout.splitlines()
              if l.startswith("[  FAILED  ]") and len(l.split()) > 3]
    return ("crashed" if run.returncode < 0 else "failed"), failed[0] if failed else ""


def try_mutant(number, mutant, objects, limit):
    name, file, old, new, program = mutant
    begin = time.monotonic()
    text = (ROOT / file).read_text()
    if text.count(old) != 1:
        return "does not apply", f"{file}: found {text.count(old)} times", 0.0
    folder = WORK / f"{number:02}"
    top = next(i for i in INCLUDES if file.startswith(i + "/"))
    planted = folder / "include" / file[len(top) + 1:]
    planted.parent.mkdir(parents=True, exist_ok=True)
    planted.write_text(text.replace(old, new))
    built, told = build_program(program, folder, objects, OPTIMISED, f"-I{folder / 'include'}")
    if not built:
        return "does not compile", told[:300], time.monotonic() - begin
    verdict, by = run_program(built, limit)
    return verdict, by, time.monotonic() - begin


def check_originals(names, objects, limit):
    for name in sorted(names):
        built, told = build_program(name, WORK / "original", objects, OPTIMISED)
        if not built:
            sys.exit(told)
        verdict, by = run_program(built, limit)
        if verdict != "survived":
            sys.exit(f"{name} {verdict} without any mutant: {by}")
        print(f"{name}: clean as it is", flush=True)


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("only", nargs="*", help="words of the mutants' names; none: all")
    options.add_argument("--limit", type=int, default=240, help="seconds for one program")
    options.add_argument("--json", type=pathlib.Path, help="write the outcomes here")
    chosen = options.parse_args()
    picked = [m for m in MUTANTS if all(w in m[0] for w in chosen.only)]
    if not picked:
        sys.exit("no mutant has such a name")
    shutil.rmtree(WORK, ignore_errors=True)
    objects = build_explorer(WORK / "explorer", OPTIMISED)
    check_originals({m[4] for m in picked}, objects, chosen.limit)
    outcomes, bad = [], 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as threads:
        tried = threads.map(lambda pair: try_mutant(*pair, objects, chosen.limit),
                            enumerate(picked))
        for n, (mutant, (verdict, by, took)) in enumerate(zip(picked, tried), 1):
            killed = verdict in ("failed", "crashed", "hung")
            bad += not killed
            outcomes.append({"mutant": mutant[0], "file": mutant[1], "verdict": verdict, "by": by,
                             "seconds": round(took, 1)})
            print(f"[{n:2}/{len(picked)}] {'killed  ' if killed else verdict.upper():8} {mutant[0]}"
                  f" ({by}, {took:.1f} s)", flush=True)
    if chosen.json:
        chosen.json.write_text(json.dumps(outcomes, indent=1) + "\n")
    print(f"{len(picked) - bad} of {len(picked)} mutants killed")
    sys.exit(bad != 0)


if __name__ == "__main__":
    main()
