#!/usr/bin/env python3
"""Runs the demo as a person would and checks what it says.

usage: demo_test.py figures|urls|refusals <filch_demo> [<latency_server>]
"""
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile

PAGES = 14


def run(*arguments):
    return subprocess.run(arguments, capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          timeout=100)


def expect(true, what):
    if not true:
        raise SystemExit(f"not so: {what}")


def expect_plain(text):
    expect(all(c == "\n" or c.isprintable() for c in text), "no control characters in a pipe")


def check_waiting(figures):
    """Fewer rounds than arithmetic demands are impossible; more than that cost time for nothing."""
    latency = figures["latency_seconds"]
    rows = {r["in_flight"]: r for r in figures["rows"] if r["recipe"].startswith("1 ")}
    expect(set(rows) == {0, 1, 4, 8, 13}, "all five cases of recipe 1")
    for in_flight, row in rows.items():
        rounds = math.ceil(PAGES / (in_flight or PAGES))
        expect(math.isclose(row["yardstick_seconds"], rounds * latency), row["label"])
        for engine, result in row["results"].items():
            seconds = result["median_seconds"]
            expect(seconds >= rounds * latency * 0.99, f"{engine}: {row['label']} cannot be faster")
            expect(seconds < (rounds + 1.5) * latency + 0.3, f"{engine}: {row['label']} on time")
    for engine in figures["engines"]:
        one, all_at_once = (rows[n]["results"][engine]["median_seconds"] for n in (1, 0))
        expect(one / all_at_once > 3, f"{engine}: waiting at the same time helps")


def check_race(figures):
    for engine in figures["engines"]:
        fates = {f["mirror"]: f for f in figures["contenders"] if f["engine"] == engine}
        expect({m: f["what"] for m, f in fates.items()} ==
               {"slow": "stopped", "failing": "failed with status 503", "hanging": "stopped",
                "good": "answered"}, f"{engine}: what became of the mirrors: {fates}")
        expect(fates["slow"]["seconds"] < 3 * max(figures["latency_seconds"], 0.5),
               f"{engine}: the slow mirror was not waited for")


def figures(demo):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "figures.json"
        done = run(demo, "--quick", "--json", str(path))
        print(done.stdout, done.stderr)
        expect(done.returncode == 0, "exit code 0")
        expect_plain(done.stdout)
        expect(done.stderr == "", "no progress bar in a pipe")
        found = json.loads(path.read_text("utf-8"))
        expect(os.listdir(folder) == ["figures.json"], "nothing but the figures is left")
        expect(path.stat().st_mode & 0o077 == 0, "the file is the caller's own")
    expect(found["engines"] == ["native", "tbb"], "both engines")
    expect(found["correct"] is True, "all answers right")
    recipes = [r["recipe"] for r in found["rows"]]
    expect({r[0] for r in recipes} == set("12345"), f"five recipes, not {recipes}")
    for row in found["rows"]:
        expect(set(row["results"]) == {"native", "tbb"}, "each recipe on both engines")
        expect(row["label"] in done.stdout, f"the table has {row['label']}")
    check_waiting(found)
    check_race(found)


def urls(demo, server):
    with subprocess.Popen([server], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as serving, tempfile.TemporaryDirectory() as folder:
        base = f"http://127.0.0.1:{serving.stdout.readline().strip()}"
        good, missing, hanging = f"{base}/delay/20/77", f"{base}/status/404/0", f"{base}/hang"
        path = pathlib.Path(folder) / "found.json"

        done = run(demo, "--json", str(path), good, missing)
        print(done.stdout, done.stderr)
        expect(done.returncode == 0, "a 404 is an answer")
        expect("77 bytes" in done.stdout and "404" in done.stdout, "status and size")
        found = json.loads(path.read_text("utf-8"))["urls"]
        wins = [f["url"] for f in found if f["verb"] == "race"]
        expect(wins == [good, good], f"a 404 does not win the race: {wins}")

        done = run(demo, "--timeout", "0.2", "--engine", "native", good, hanging,
                   "ftp://127.0.0.1/x", "http://127.0.0.1:1/")
        print(done.stdout, done.stderr)
        expect(done.returncode == 1, "a URL without an answer is exit code 1")
        expect("timed_out" in done.stdout, "the hanging one has its error's name")
        expect(done.stdout.count("request_failed") == 2, "so have the other two")

        done = run(demo, "--engine", "serial", f"{base}/\x1b[31m")
        expect("\x1b" not in done.stdout, "a URL cannot paint on the terminal")
        serving.stdin.close()


def refusals(demo):
    with tempfile.TemporaryDirectory() as folder:
        kept = pathlib.Path(folder) / "kept"
        kept.write_text("mine", "utf-8")
        link = pathlib.Path(folder) / "link"
        link.symlink_to(kept)
        for arguments, word in [
                (["--json", str(kept)], "--force"),
                (["--json", str(link)], "--force"),
                (["--json", f"{folder}/nowhere/x"], "cannot write"),
                (["--engine", "steam"], "native"),
                (["--timeout", "-1"], "timeout"),
                (["--unknown"], "unknown")]:
            done = run(demo, *arguments)
            print(arguments, done.returncode, done.stderr)
            expect(done.returncode == 2, f"{arguments} is refused with exit code 2")
            expect(word in done.stderr, f"the refusal of {arguments} says {word}")
        done = run(demo, "--json", str(link), "--force", "--engine", "serial", "http://127.0.0.1:1/")
        expect(done.returncode == 1 and not link.is_symlink(), "--force replaces the link")
        expect(kept.read_text("utf-8") == "mine", "and does not write through it")
        expect(sorted(os.listdir(folder)) == ["kept", "link"], "nothing unfinished is left")
    done = run(demo, "--help")
    expect(done.returncode == 0 and "--quick" in done.stdout, "--help helps")


if __name__ == "__main__":
    {"figures": figures, "urls": urls, "refusals": refusals}[sys.argv[1]](*sys.argv[2:])
