#!/usr/bin/env python3
"""Checks a lint on its fixtures: each must be flagged with what its expect.txt says, line by line.

A fixture is a small tree, fixtures/<lint>/<case>/. Its expect.txt holds one finding a line (the end
of a path with line number, a colon, a part of the message); an empty one asks for a clean result.
"""
import pathlib
import subprocess
import sys


def findings_of(lint, root):
    run = subprocess.run([sys.executable, str(lint), "--root", str(root)],
                         capture_output=True, text=True)
    lines = run.stdout.splitlines()[:-1]
    if (run.returncode == 0) != (not lines):
        raise SystemExit(f"{root.name}: exit code {run.returncode} with {len(lines)} findings")
    return lines


def problems_of(lint, case):
    expected = [l for l in (case / "expect.txt").read_text("utf-8").splitlines() if l]
    found = findings_of(lint, case)
    for wanted in expected:
        place, _, words = wanted.partition(": ")
        if not any(f.split(": ")[0].endswith(place) and words in f for f in found):
            yield f"{case.name}: not flagged: {wanted}"
    if len(found) != len(expected):
        yield f"{case.name}: {len(expected)} findings expected, {len(found)} made: {found}"


def main():
    here = pathlib.Path(__file__).resolve().parent
    name = sys.argv[1]
    cases = sorted((here / "fixtures" / name).iterdir())
    problems = [p for case in cases for p in problems_of(here / f"{name}.py", case)]
    flagged = sum(bool((c / "expect.txt").read_text("utf-8").strip()) for c in cases)
    if flagged == 0 or flagged == len(cases):
        problems.append("a self-test needs a case to flag and a case to leave alone")
    print("\n".join(problems) or f"{name}: {len(cases)} cases behave")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
