"""Measures on a machine that others use, too: what ran beside a turn is known from the kernel's
count of busy time, and turns with more than a little of it are measured again."""
import json
import os
import subprocess
import time
from statistics import median

TICK = os.sysconf("SC_CLK_TCK")
CORES = len(os.sched_getaffinity(0))
FOREIGN = 0.05  # of all cores
FEWEST = 7


def busy_seconds():
    """All cores' time in all processes; steal, which a host takes, is as good as a process."""
    with open("/proc/stat") as stat:
        words = [int(word) for word in stat.readline().split()[1:]]
    return (sum(words) - words[3] - words[4]) / TICK


class Turn:
    """What one program said, and how much of the machine others had meanwhile."""

    def __init__(self, command):
        before, own, start = busy_seconds(), own_seconds(), time.monotonic()
        run = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
        wall = time.monotonic() - start
        others = busy_seconds() - before - (own_seconds() - own)
        self.foreign = max(0.0, others / (wall * CORES))
        self.said = run.stdout


def own_seconds():
    times = os.times()
    return times.children_user + times.children_system + times.user + times.system


class Quiet:
    """Turns of several commands, A B C A B C, until each has enough quiet ones; then the quiet
    ones, or where there are too few the quietest, and how quiet those were."""

    def __init__(self, commands, seconds):
        turns = {name: [] for name in commands}
        until = time.monotonic() + seconds

        def quiet(name):
            return sum(t.foreign <= FOREIGN for t in turns[name])

        while True:
            for name, command in commands.items():
                turns[name].append(Turn(command))
            enough = all(quiet(name) >= FEWEST for name in commands)
            if enough or (time.monotonic() > until and len(turns[name]) >= FEWEST):
                break
        self.turns = {name: sorted(some, key=lambda t: t.foreign)[:max(quiet(name), FEWEST)]
                      for name, some in turns.items()}
        self.tried = len(turns[name])

    def foreign(self, name):
        return max(t.foreign for t in self.turns[name])

    def repetitions(self, name, event):
        """The repetitions of a contest program's event."""
        lines = [json.loads(line) for t in self.turns[name] for line in t.said.splitlines()]
        return [line for line in lines if line.get("event") == event]

    def seconds(self, name, event, key="seconds"):
        return median(r[key] for r in self.repetitions(name, event))


def contest(folder, workload, runtime, threads, size=0):
    return [str(folder / f"bench_{workload}_{runtime}"), "--threads", str(threads), "--size",
            str(size), "--repetitions", "1", "--json"]
