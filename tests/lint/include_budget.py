#!/usr/bin/env python3
"""A public header costs a user at most 2500 lines of ours and brings no heavy or foreign header."""
import re
import subprocess

import tree

BUDGET = 2500
# The sum of all headers, for programs that want one line; libraries include what they use.
UMBRELLA = "core/include/filch/filch.hpp"
FORBIDDEN = re.compile(
    r"iostream|regex|execution|condition_variable|semaphore"
    r"|(?:sys|linux|netinet|arpa|net|asm|bits|tbb|oneapi|curl|event2)/.*"
    r"|(?:unistd|pthread|sched|poll|fcntl|signal|netdb|dirent|dlfcn|semaphore|event|evhttp|curl)\.h"
    r"|x86intrin\.h|immintrin\.h")
PUBLIC = re.compile(r"core/include/|adapters/\w+/include/")
DETAIL = re.compile(r"core/include/filch/detail/")


def our_lines(root, header, include_folders):
    """Lines of ours that are left after the preprocessor, without blank ones."""
    command = ["g++", "-std=c++20", "-E", "-x", "c++", str(root / header)]
    command += [f"-I{folder}" for folder in include_folders]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode != 0:
        first = next((l for l in run.stderr.splitlines() if "error" in l), "no reason given")
        return None, first
    ours, count, prefix = False, 0, str(root) + "/"
    for line in run.stdout.splitlines():
        marker = re.match(r'# \d+ "([^"]*)"', line)
        if marker:
            ours = marker.group(1).startswith(prefix)
        elif ours and line.strip():
            count += 1
    return count, ""


def check(root):
    headers = [p for p in tree.files(root, (".hpp",), "core", "adapters") if PUBLIC.match(str(p))]
    folders = [root / "core/include", *sorted(root.glob("adapters/*/include"))]
    for header in headers:
        for line, _, name in tree.included(tree.read(root, header)):
            if FORBIDDEN.fullmatch(name):
                yield header, line, f"a public header must not include <{name}>"
        if DETAIL.match(str(header)):
            continue
        lines, reason = our_lines(root, header, folders)
        if lines is None:
            yield header, 1, f"does not preprocess: {reason}"
        elif lines > BUDGET and str(header) != UMBRELLA:
            yield header, 1, f"brings {lines} lines of ours, the budget is {BUDGET}"


if __name__ == "__main__":
    tree.main(check, __doc__)
