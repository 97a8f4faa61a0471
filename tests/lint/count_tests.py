#!/usr/bin/env python3
"""Fails when a label ran fewer tests than it must: a suite that ran nothing proves nothing.

usage: count_tests.py <preset> <build folder> <ctest's JUnit file>
"""
import collections
import json
import pathlib
import subprocess
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


def labels_by_test(listing):
    """{test name: labels} from ctest's JSON listing; the JUnit file does not tell them."""
    labels = {}
    for test in json.loads(listing)["tests"]:
        if test["name"] in labels:
            raise SystemExit(f"two tests are called {test['name']}: a report could not tell which ran")
        properties = {p["name"]: p["value"] for p in test.get("properties", [])}
        labels[test["name"]] = properties.get("LABELS", [])
    return labels


def ran_by_label(junit, labels):
    ran = collections.Counter()
    for case in xml.parse(junit).getroot().iter("testcase"):
        if case.get("status") == "run":
            ran.update(labels[case.get("name")])
    return ran


def main():
    preset, build, junit = sys.argv[1:]
    listing = subprocess.run(["ctest", "--test-dir", build, "--show-only=json-v1"],
                             capture_output=True, text=True, check=True).stdout
    ran = ran_by_label(junit, labels_by_test(listing))
    minimum = minimum_counts(preset, (HERE / "counts.txt").read_text("utf-8"))
    short = [f"too few tests passed under '{label}': {ran[label]}, at least {wanted} must"
             for label, wanted in minimum.items() if ran[label] < wanted]
    told = ", ".join(f"{label} {count}" for label, count in sorted(ran.items()))
    print("\n".join(short) or f"enough tests passed: {told}")
    sys.exit(1 if short else 0)


if __name__ == "__main__":
    main()
