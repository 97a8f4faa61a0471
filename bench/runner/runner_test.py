"""Tests of the runner: its statistics, its turns with true programs, and its files."""
import json
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree
from pathlib import Path

BENCH = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(BENCH))
from runner import intervals, plot, targets, turns  # noqa: E402

FAKE = """#!{python}
import sys
runtime, answers = {runtime!r}, {answers!r}
print('{{"runtime": "%s", "compiler": "c", "events": '
      '[{{"name": "fib", "unit": "fork", "extra_is": ""}}]}}' % runtime, flush=True)
for line in sys.stdin:
    if line.strip() == "quit":
        print('{{"peak_kib": 1024}}', flush=True)
        break
    if not answers:
        sys.exit("wrong answer: too many runs")
    print('{{"seconds": %g, "count": 1, "cpu": 0, "extra": 0}}' % answers.pop(0), flush=True)
"""


def fake_build(folder, runtimes):
    """A build whose programs answer what they are told to; times in seconds by runtime."""
    contest = Path(folder) / "bench" / "contest"
    contest.mkdir(parents=True)
    lines = ""
    for runtime, answers in runtimes.items():
        program = contest / f"bench_fib_{runtime}"
        program.write_text(FAKE.format(python=sys.executable, runtime=runtime.replace("_", " "),
                                       answers=answers))
        program.chmod(0o755)
        lines += f"fib {runtime} {program.name}\n"
    (contest / "programs.txt").write_text(lines)
    (contest / "missing.txt").write_text("libfork: CMake found no package libfork\n")
    return folder


def run(build, results, *more):
    return subprocess.run(
        [sys.executable, str(BENCH / "run.py"), "--build", str(build), "--results", str(results),
         "--workloads", "fib", "--threads", "1", "--patience", "20", *more],
        capture_output=True, text=True, timeout=100, check=False)


class Intervals(unittest.TestCase):
    def test_the_median_lies_between_two_ranks_of_the_sign_test(self):
        self.assertEqual(intervals.lower_rank(5), 0)
        self.assertEqual(intervals.lower_rank(31), 9)
        found = intervals.median_interval(range(31))
        self.assertEqual((found.low, found.median, found.high), (9, 15, 21))

    def test_ratios_are_taken_inside_a_turn(self):
        self.assertEqual(intervals.ratios([2, 40], [1, 20]), [2, 2])


class Turns(unittest.TestCase):
    def test_everybody_runs_once_a_turn_and_the_first_turn_is_thrown_away(self):
        with tempfile.TemporaryDirectory() as folder:
            build = fake_build(folder + "/b", {"filch_native": [9, 1, 1, 1], "serial": [9, 2, 2, 2]})
            ended = run(build, folder + "/r", "--turns", "3")
            self.assertEqual(ended.returncode, 0, ended.stderr)
            self.assertIn("not measured: libfork: CMake found no package libfork", ended.stdout)
            data = json.loads(Path(folder, "r", "fib.json").read_text())
            times = {s["name"]: s["seconds"] for s in data["events"][0]["series"]}
            self.assertEqual(times, {"filch native": [1, 1, 1], "serial": [2, 2, 2]})
            picture = Path(folder, "r", "fib.svg").read_text()
            self.assertIn("filch native", picture)
            xml.etree.ElementTree.fromstring(picture)

    def test_a_program_that_fails_fails_the_run_and_the_others_go_on(self):
        with tempfile.TemporaryDirectory() as folder:
            build = fake_build(folder + "/b", {"filch_native": [1] * 9, "serial": [1, 1]})
            ended = run(build, folder + "/r", "--turns", "5")
            self.assertEqual(ended.returncode, 1)
            self.assertIn("wrong answer: too many runs", ended.stderr)
            data = json.loads(Path(folder, "r", "fib.json").read_text())
            self.assertEqual([s["name"] for s in data["events"][0]["series"]], ["filch native"])

    def test_a_folder_that_is_no_build_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            ended = run(folder, folder + "/r")
            self.assertEqual(ended.returncode, 1)
            self.assertIn("is no build with benchmarks", ended.stderr)


class Targets(unittest.TestCase):
    @staticmethod
    def event(filch, peer):
        def series(name, seconds):
            return turns.Series(name, "fork", "", seconds, [1] * 9, [0] * 9, [0] * 9)
        return turns.Event("fib", 2, [series("filch native", filch), series("citor", peer)], 9)

    def outcome(self, filch, peer):
        rule = targets.Faster("fib", 2, ("citor", "libfork"), 4, "test")
        return rule.judge({("fib", 2): self.event(filch, peer)}).outcome

    def test_a_target_is_missed_only_if_the_whole_interval_is_beyond_it(self):
        self.assertEqual(self.outcome([1.0] * 9, [5.0] * 9), "met")
        self.assertEqual(self.outcome([1.0] * 9, [3.0] * 9), "MISSED")
        self.assertEqual(self.outcome([1.0] * 9, [3.0] * 5 + [5.0] * 4), "met")

    def test_a_second_figure_is_that_of_the_runtime_named(self):
        event = self.event([1.0] * 9, [5.0] * 9)
        for series, extra in zip(event.series, (1.04, 2.0)):
            series.extra, series.extra_is = [extra] * 9, "times as long as alone"
        for runtime, outcome in (("filch native", "met"), ("citor", "MISSED"),
                                 ("libfork", "not measured")):
            rule = targets.Extra("fib", 2, runtime, 1.05)
            self.assertEqual(rule.judge({("fib", 2): event}).outcome, outcome)

    def test_without_the_peers_nothing_is_claimed(self):
        rule = targets.Faster("fib", 2, ("libfork",), 4, "test")
        measured = {("fib", 2): self.event([1.0] * 9, [5.0] * 9)}
        self.assertEqual(rule.judge(measured).outcome, "not measured")


class Plot(unittest.TestCase):
    def test_ticks_lie_inside_the_axis(self):
        self.assertEqual(plot.ticks(0.9, 25), [1, 2, 5, 10, 20])


@unittest.skipUnless(len(sys.argv) > 1, "needs the folder of a build")
class TruePrograms(unittest.TestCase):
    def test_filch_and_the_serial_program_agree(self):
        with tempfile.TemporaryDirectory() as results:
            ended = run(build_folder, results, "--size", "20", "--turns", "3", "--fewest", "3",
                        "--runtimes", "serial", "filch_native")
            self.assertEqual(ended.returncode, 0, ended.stderr)
            data = json.loads(Path(results, "fib.json").read_text())
            names = sorted(s["name"] for s in data["events"][0]["series"])
            self.assertEqual(names, ["filch native", "serial"])


if __name__ == "__main__":
    build_folder = sys.argv[1] if len(sys.argv) > 1 else None
    unittest.main(argv=sys.argv[:1], verbosity=2)
