"""Runs programs in turns, A B C A B C, every second turn backwards."""
import time
from dataclasses import dataclass, field

from runner.programs import Entrant, Failed


@dataclass
class Series:
    """One entrant's repetitions of one event, turn by turn."""
    name: str
    unit: str
    extra_is: str
    seconds: list = field(default_factory=list)
    counts: list = field(default_factory=list)
    cpu: list = field(default_factory=list)
    extra: list = field(default_factory=list)

    def take(self, answer):
        self.seconds.append(answer["seconds"])
        self.counts.append(answer["count"])
        self.cpu.append(answer["cpu"])
        self.extra.append(answer["extra"])

    def per_unit(self):
        return [s / n for s, n in zip(self.seconds, self.counts)]

    def cpu_per_unit(self):
        return [s / n for s, n in zip(self.cpu, self.counts)]


@dataclass
class Event:
    """What came of one event with one number of threads."""
    name: str
    threads: int
    series: list
    turns: int


@dataclass
class Limits:
    turns: int
    fewest: int
    seconds: float


def names_of(programs, abouts):
    """The runtime's name, and the compiler too where two builds have the same runtime."""
    plain = [about["runtime"] for about in abouts]
    return [name if plain.count(name) == 1 else f"{name} ({about['compiler']})"
            for name, about in zip(plain, abouts)]


def start(programs, threads, size, options, tell):
    """An entrant for each program that starts; those that do not are told and returned."""
    entrants, failures = [], []
    for program in programs:
        tell(f"starting {program.path.name}")
        try:
            entrants.append(Entrant(program, threads, size, options.pin, options.preload,
                                    options.patience))
        except Failed as error:
            failures.append(str(error))
    for entrant, name in zip(entrants, names_of(programs, [e.about for e in entrants])):
        entrant.name = name
    return entrants, failures


def run_event(name, threads, entrants, limits, tell):
    """All entrants that have the event. One that fails is out, with its reason in `failure`."""
    series = {e: Series(e.name, e.events[name]["unit"], e.events[name]["extra_is"])
              for e in entrants if name in e.events}
    began, turn = time.monotonic(), 0
    while turn < limits.turns + 1:
        if turn > limits.fewest and time.monotonic() - began > limits.seconds:
            break
        order = [e for e in series if e.failure is None]
        for entrant in order if turn % 2 == 0 else reversed(order):
            tell(f"{name}, {threads} thread{'s' if threads > 1 else ''}, "
                 f"turn {turn} of at most {limits.turns}: {entrant.name}")
            try:
                answer = entrant.run(name)
            except Failed as error:
                entrant.failure = str(error)
                continue
            if turn > 0:  # the first one warms up
                series[entrant].take(answer)
        turn += 1
    alive = [s for e, s in series.items() if e.failure is None]
    return Event(name, threads, alive, turn - 1)


def run_workload(programs, threads, size, limits, options, tell):
    """The events, what is known of each entrant, and the failures, in that order."""
    entrants, failures = start(programs, threads, size, options, tell)
    events = []
    try:
        names = list(dict.fromkeys(name for e in entrants for name in e.events))
        for name in names:
            events.append(run_event(name, threads, entrants, limits, tell))
    finally:
        for entrant in entrants:
            entrant.end()
    failures += [e.failure for e in entrants if e.failure]
    about = {e.name: dict(e.about, threads=threads, peak_kib=e.peak_kib) for e in entrants}
    return events, about, failures
