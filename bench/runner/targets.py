"""What filch must reach, held against the end of an interval: a target is missed only if the whole
interval lies beyond its bound."""
from dataclasses import dataclass

from runner.intervals import Interval, median_interval, ratios

FILCH = "filch native"
COROUTINES_AND_CITOR = ("libfork", "citor", "TooManyCooks")
ALL_PEERS = COROUTINES_AND_CITOR + ("oneTBB", "OpenMP", "Taskflow", "enkiTS", "dispenso")
QUICK_LOOPS = ("enkiTS", "oneTBB", "dispenso")


@dataclass(frozen=True)
class Verdict:
    what: str
    outcome: str  # met, MISSED, not measured
    figures: str

    def as_dict(self):
        return {"what": self.what, "outcome": self.outcome, "figures": self.figures}


def of_runtime(event, runtime):
    """All series of a runtime: a build for each compiler may have one."""
    return [s for s in event.series if s.name == runtime or s.name.startswith(runtime + " (")]


def fastest(event, runtimes):
    found = [s for runtime in runtimes for s in of_runtime(event, runtime) if s.seconds]
    return min(found, key=lambda s: median_interval(s.per_unit()).median, default=None)


def at_most(what, interval, bound, unit):
    outcome = "MISSED" if interval.low > bound else "met"
    return Verdict(what, outcome, f"{interval.median:.4g}{unit} [{interval.low:.4g}, "
                                  f"{interval.high:.4g}], at most {bound:g}{unit}")


def at_least(what, interval, bound):
    outcome = "MISSED" if interval.high < bound else "met"
    return Verdict(what, outcome, f"{interval.median:.4g}x [{interval.low:.4g}, "
                                  f"{interval.high:.4g}], at least {bound:g}x")


class Faster:
    """The best of `runtimes` takes at least `bound` times as long as filch."""

    def __init__(self, event, threads, runtimes, bound, words):
        self.event, self.threads, self.runtimes = event, threads, runtimes
        self.bound, self.words = bound, words

    def judge(self, measured):
        event = measured.get((self.event, self.threads))
        what = f"{self.event}, {self.threads} threads: {self.words}"
        ours = event and fastest(event, (FILCH,))
        best = event and fastest(event, self.runtimes)
        if not ours or not best:
            return Verdict(what, "not measured", "filch or all of the others are not there")
        interval = median_interval(ratios(best.per_unit(), ours.per_unit()))
        return at_least(f"{what}, here {best.name}", interval, self.bound)


class Nanoseconds:
    """filch takes at most so long for one unit of the event."""

    def __init__(self, event, threads, bound):
        self.event, self.threads, self.bound = event, threads, bound

    def judge(self, measured):
        event = measured.get((self.event, self.threads))
        ours = event and fastest(event, (FILCH,))
        what = f"{self.event}, {self.threads} threads"
        if not ours:
            return Verdict(what, "not measured", "filch has no such event here")
        return at_most(what, median_interval(ours.per_unit()).scaled(1e9), self.bound, " ns")


class Extra:
    """A runtime's second figure is at most so much."""

    def __init__(self, event, threads, runtime, bound):
        self.event, self.threads, self.runtime, self.bound = event, threads, runtime, bound

    def judge(self, measured):
        event = measured.get((self.event, self.threads))
        ours = event and fastest(event, (self.runtime,))
        what = f"{self.event}, {self.threads} threads, {self.runtime}"
        if not ours:
            return Verdict(what, "not measured", f"{self.runtime} is not there")
        return at_most(f"{what}: {ours.extra_is}", median_interval(ours.extra), self.bound, "")


class CpuAboveSerial:
    """CPU time of a unit in excess of the serial program's."""

    def __init__(self, event, threads, bound):
        self.event, self.threads, self.bound = event, threads, bound

    def judge(self, measured):
        event = measured.get((self.event, self.threads))
        ours = event and fastest(event, (FILCH,))
        serial = event and fastest(event, ("serial",))
        what = f"{self.event}, {self.threads} thread: CPU time above serial"
        if not ours or not serial:
            return Verdict(what, "not measured", "filch or the serial program is not there")
        excess = [a - b for a, b in zip(ours.cpu_per_unit(), serial.cpu_per_unit())]
        return at_most(what, median_interval(excess).scaled(1e9), self.bound, " ns")


class Scales:
    """Two threads are faster than one; not paired, so the interval is a cautious one."""

    def __init__(self, event, bound):
        self.event, self.bound = event, bound

    def judge(self, measured):
        what = f"{self.event}: 2 threads against 1"
        events = [measured.get((self.event, threads)) for threads in (1, 2)]
        series = [event and fastest(event, (FILCH,)) for event in events]
        if not all(series):
            return Verdict(what, "not measured", "it needs --threads 1 2")
        one, two = (median_interval(s.per_unit()) for s in series)
        interval = Interval(one.median / two.median, one.low / two.high, one.high / two.low)
        return at_least(what, interval, self.bound)


class NothingInTheCall:
    def __init__(self, event):
        self.event = event

    def judge(self, measured):
        what = f"{self.event}: none runs inside the submitting call"
        series = [s for (name, _), e in measured.items() if name == self.event
                  for s in of_runtime(e, FILCH)]
        if not series:
            return Verdict(what, "not measured", "filch has no such event here")
        most = max(max(s.extra, default=0) for s in series)
        return Verdict(what, "met" if most == 0 else "MISSED", f"{most:.0f} did")


class LessMemory:
    """filch's peak of memory against another's, in the same workload."""

    def __init__(self, workload, other):
        self.workload, self.other = workload, other

    def judge_memory(self, about):
        what = f"{self.workload}: peak of memory below {self.other}'s"
        peaks = {runtime: [a["peak_kib"] for (workload, _), a in about.items()
                           if workload == self.workload and a["runtime"] == runtime]
                 for runtime in (FILCH, self.other)}
        if not all(peaks.values()):
            return Verdict(what, "not measured", "one of the two is not there")
        ours, theirs = max(peaks[FILCH]), max(peaks[self.other])
        return Verdict(what, "met" if ours < theirs else "MISSED",
                       f"{ours / 1024:.1f} MiB against {theirs / 1024:.1f} MiB")


TARGETS = {
    "fib": [CpuAboveSerial("fib", 1, 6),
            Faster("fib", 2, COROUTINES_AND_CITOR, 4, "against libfork, citor, TooManyCooks"),
            Faster("fib", 2, ("oneTBB",), 15, "against oneTBB"),
            LessMemory("fib", "libfork")],
    "skynet": [Faster("skynet", 2, COROUTINES_AND_CITOR, 2, "against libfork, citor, TooManyCooks"),
               Scales("skynet", 1.8), LessMemory("skynet", "libfork")],
    "cilksort": [Faster("cilksort", 2, ALL_PEERS, 1 / 1.05, "within 5 % of the best peer")],
    "matmul": [Faster("matmul", 2, ALL_PEERS, 1 / 1.05, "within 5 % of the best peer")],
    "corners": [Nanoseconds("two leaves of 300 ms", 2, 330e6)] + [
        Faster(name, 2, ("serial",), 1 / 1.5, "at most 1.5 times the serial program")
        for name in ("1000 small nodes", "1000 small nodes, pool asleep")],
    "loops": [Faster(name, 2, QUICK_LOOPS, 1 / 0.9, "against enkiTS, oneTBB, dispenso")
              for name in ("2 empty bodies", "2 that meet", "1000 short bodies")],
    "submits": [Nanoseconds("submit and get", 2, 250), Nanoseconds("hand-off", 2, 1400),
                Nanoseconds("a million, one by one", 2, 130),
                Nanoseconds("a million, in bulk", 2, 60),
                NothingInTheCall("a million, one by one"),
                NothingInTheCall("a million, in bulk")],
}
# 95 % of the speed; and all sleep at once, however many they are.
TARGETS["mixed_load"] = [Extra("computing beside sleepers", 2, runtime, 1 / 0.95)
                         for runtime in (FILCH, "filch tbb")] + [
                             Nanoseconds("sleepers beside computing", 2, 250e6)]
SHAPES = ("chain", "binary tree", "grid")
TARGETS["graph_shapes"] = [
    rule for threads in (1, 2) for shape in SHAPES for rule in (
        Faster(f"{shape}: run again", threads, ("dispenso",), 1 / 0.8, "0.8 of dispenso"),
        Faster(f"{shape}: run again", threads, ("Taskflow",), 1 / 0.35, "0.35 of Taskflow"),
        Faster(f"{shape}: build and first run", threads, ("Taskflow",), 1 / 0.6,
               "0.6 of Taskflow"))] + [
    Faster("Cholesky, blocks of 32", threads, ALL_PEERS, 1 / 1.05, "within 5 % of the best peer")
    for threads in (1, 2)]
for workload, names in (("nqueens", ["nqueens"]), ("integrate", ["integrate"]),
                        ("uts", ["uts T1", "uts T3"])):
    TARGETS[workload] = [
        rule for name in names for rule in (
            Faster(name, 2, ("serial",), 1.9, "against the serial program"),
            Faster(name, 2, ALL_PEERS, 1, "not behind the best peer"))]


def judge(workload, events, about):
    """`about` by (workload, entrant)."""
    measured = {(e.name, e.threads): e for e in events if e.series}
    return [rule.judge_memory(about) if isinstance(rule, LessMemory) else rule.judge(measured)
            for rule in TARGETS.get(workload, [])]
