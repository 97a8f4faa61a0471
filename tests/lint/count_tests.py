#!/usr/bin/env python3
"""Fails when a label ran fewer tests than it must: a suite that ran nothing proves nothing.

usage: count_tests.py <preset> <ctest's JUnit file>
"""
import collections
import pathlib
import sys
import xml.etree.ElementTree as xml

HERE = pathlib.Path(__file__).resolve().parent


def minimum_counts(preset, text):
    """{label: count} for a preset from lines of `<label> <count> [only <preset>...]`."""
    counts = {}
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if words and ("only" not in words or preset in words[3:]):
            counts[words[0]] = int(words[1])
    return counts


def ran_by_label(junit):
    ran = collections.Counter()
    for case in xml.parse(junit).getroot().iter("testcase"):
        if case.get("status") != "run":
            continue
        for entry in case.iter("property"):
            if entry.get("name") == "cmake_labels":
                ran.update(entry.get("value").split(";"))
    return ran


def main():
    preset, junit = sys.argv[1], sys.argv[2]
    ran = ran_by_label(junit)
    short = [f"{label}: {ran[label]} passed, at least {wanted} must"
             for label, wanted in minimum_counts(preset, (HERE / "counts.txt").read_text()).items()
             if ran[label] < wanted]
    print("\n".join(short) or "enough tests ran: " + ", ".join(f"{l} {n}" for l, n in sorted(ran.items())))
    sys.exit(1 if short else 0)


if __name__ == "__main__":
    main()
