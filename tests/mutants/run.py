#!/usr/bin/env python3
"""Plants one defect at a time into a copy of the library and lets the conformance suite find it.

A mutant is killed when a test fails, hangs or crashes; one that survives, does not apply, or does
not compile fails the run. Works in build/mutants; needs a few seconds of compiling for each.
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

from mutants import MUTANTS

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORK = ROOT / "build/mutants"
TREE = WORK / "tree"
BUILD = WORK / "build"


def sh(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, **more)


def copy_sources():
    """The files git knows, as they are in the working tree."""
    listed = sh("git", "ls-files", "-z", cwd=ROOT, check=True).stdout.split("\0")
    wanted = {name for name in listed if name and (ROOT / name).exists()}
    for name in wanted:
        target = TREE / name
        text = (ROOT / name).read_bytes()
        if not target.exists() or target.read_bytes() != text:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text)
            shutil.copymode(ROOT / name, target)


def build(*targets):
    return sh("cmake", "--build", str(BUILD), "--target", *targets)


def prepare():
    copy_sources()
    launcher = ["-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"] if shutil.which("ccache") else []
    sh("cmake", "-S", str(TREE), "-B", str(BUILD), "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
       "-DFILCH_BUILD_BENCH=OFF", *launcher, check=True)
    done = build("filch_conformance")
    if done.returncode != 0:
        sys.exit(done.stdout[-3000:] + done.stderr[-3000:])


def run_suite(suite, limit):
    program = next(BUILD.glob("tests/conformance/filch_conformance"))
    begin = time.monotonic()
    # A test binary that a mutant made mad must not outlive its time.
    try:
        run = sh(str(program), "--gtest_brief=1", "--gtest_fail_fast",
                 f"--gtest_filter=*/{suite}.*", timeout=limit,
                 env={**os.environ, "FILCH_TEST_LEAST": "0"})
        failed = [l.split()[3] for l in run.stdout.splitlines() if l.startswith("[  FAILED  ]")
                  and len(l.split()) > 3]
        how = "crashed or hung" if run.returncode < 0 else "failed"
        verdict = "survived" if run.returncode == 0 else how
        by = failed[0].rstrip(",") if failed else ""
        hung = [l for l in run.stdout.splitlines() + run.stderr.splitlines() if "[   HANG" in l]
        if hung:
            by = hung[0].split("]", 1)[1].split(" did not")[0].strip()
    except subprocess.TimeoutExpired:
        verdict, by = "hung", f"no end within {limit} s"
    return verdict, by, time.monotonic() - begin


def try_mutant(name, file, old, new, suite, limit):
    source = TREE / file
    text = source.read_text()
    if text.count(old) != 1:
        return "does not apply", f"{file}: found {text.count(old)} times", 0.0
    try:
        source.write_text(text.replace(old, new))
        if build("filch_conformance").returncode != 0:
            return "does not compile", file, 0.0
        return run_suite(suite, limit)
    finally:
        source.write_text(text)


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("only", nargs="*", help="words of the mutants' names; none: all")
    options.add_argument("--limit", type=int, default=120, help="seconds for one suite")
    options.add_argument("--json", type=pathlib.Path, help="write the outcomes here")
    chosen = options.parse_args()
    prepare()
    outcomes, bad = [], 0
    picked = [m for m in MUTANTS if all(w in m[0] for w in chosen.only)]
    for n, (name, file, old, new, suite) in enumerate(picked, 1):
        verdict, by, took = try_mutant(name, file, old, new, suite, chosen.limit)
        killed = verdict in ("failed", "crashed or hung", "hung")
        bad += not killed
        outcomes.append({"mutant": name, "file": file, "suite": suite, "verdict": verdict,
                         "by": by, "seconds": round(took, 1)})
        print(f"[{n:2}/{len(picked)}] {'killed  ' if killed else verdict.upper():8} {name}"
              f" ({by}, {took:.1f} s)", flush=True)
    if not build("filch_conformance").returncode == 0:
        sys.exit("the sources could not be put back")
    if chosen.json:
        chosen.json.write_text(json.dumps(outcomes, indent=1) + "\n")
    print(f"{len(picked) - bad} of {len(picked)} mutants killed")
    sys.exit(bad != 0)


if __name__ == "__main__":
    main()
