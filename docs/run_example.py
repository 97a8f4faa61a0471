#!/usr/bin/env python3
"""Runs an example and compares what it prints with the `// [output]` region of its source,
but for spaces at the ends of lines.

usage: run_example.py <source> <program> <server> [<path or word>...]
Paths (what starts with a slash) become URLs on a server that is started for this run.
"""
import pathlib
import re
import subprocess
import sys


def expected_output(source):
    region = re.search(r"^// \[output\]\n(.*?)^// \[end\]", source.read_text("utf-8"), re.M | re.S)
    if not region:
        raise SystemExit(f"{source} does not say what it prints: add // [output] ... // [end]")
    return re.sub(r"^// ?", "", region.group(1), flags=re.M)


def main():
    source, program, server, *paths = sys.argv[1:]
    expected = expected_output(pathlib.Path(source))
    with subprocess.Popen([server], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as serving:
        base = f"http://127.0.0.1:{serving.stdout.readline().strip()}"
        words = [base + p if p.startswith("/") else p for p in paths]
        done = subprocess.run([program, *words], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=100)
        serving.stdin.close()
    print(done.stdout, done.stderr, sep="")
    if done.returncode != 0:
        raise SystemExit(f"exit code {done.returncode}")
    if re.sub(r" +$", "", done.stdout, flags=re.M) != expected:
        raise SystemExit(f"the output is not what {source} says:\n{expected}")


if __name__ == "__main__":
    main()
