"""Tables for people and JSON for programs."""
import os
import platform
import subprocess
from pathlib import Path

from runner.intervals import median_interval, ratios
from runner.targets import FILCH, fastest

# Calls so short that their time is told by the unit; the others' by the repetition.
SHORT = ("corners", "loops", "submits", "wakes", "graph_shapes")


def machine():
    """What figures depend on."""
    model = "unknown"
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                model = line.split(": ", 1)[1]
                break
    commit = subprocess.run(["git", "describe", "--always", "--dirty", "--abbrev=12"],
                            cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    return {"processor": model, "cores": len(os.sched_getaffinity(0)),
            "kernel": f"{platform.system()} {platform.release()}",
            "commit": commit.stdout.strip() or "unknown", "load_average": os.getloadavg()[0]}


def shown_time(workload, series):
    """The median with its interval, in the unit of the workload's table."""
    interval = median_interval(series.per_unit())
    if workload in SHORT:
        return interval.scaled(1e9), "ns"
    return interval.scaled(series.counts[0] * 1e3), "ms"


def number(value):
    return f"{value:.0f}" if value >= 1000 else f"{value:.3g}"


def with_interval(interval):
    return f"{number(interval.median)} [{number(interval.low)}, {number(interval.high)}]"


def against(series, base):
    """How many times as long as `base` it takes, turn by turn."""
    return median_interval(ratios(series.per_unit(), base.per_unit()))


def speed_up(serial, series):
    return median_interval(ratios(serial.per_unit(), series.per_unit()))


def rows_of(workload, event, about):
    """The table of one event, fastest first."""
    filch, serial = fastest(event, (FILCH,)), fastest(event, ("serial",))
    unit, extra = event.series[0].unit, event.series[0].extra_is
    time_unit = shown_time(workload, event.series[0])[1]
    head = ["runtime", f"{time_unit}, median [95 %]", f"of {FILCH}", "speed-up over serial",
            f"CPU ns a {unit}", "peak MiB"] + ([extra] if extra else [])
    rows = []
    for s in sorted(event.series, key=lambda s: median_interval(s.per_unit()).median):
        rows.append([
            s.name, with_interval(shown_time(workload, s)[0]),
            with_interval(against(s, filch)) if filch else "",
            with_interval(speed_up(serial, s)) if serial else "",
            number(median_interval(s.cpu_per_unit()).median * 1e9),
            f"{about[workload, s.name]['peak_kib'] / 1024:.1f}"]
            + ([number(median_interval(s.extra).median)] if extra else []))
    # A second of idleness takes a second: only the last column says something.
    if unit == "second":
        return [[row[0], row[-1]] for row in [head] + rows]
    silent = [i for i in range(2, 5) if all(row[i] in ("", "0") for row in rows)]
    return [[cell for i, cell in enumerate(row) if i not in silent] for row in [head] + rows]


def markdown(rows):
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines.insert(1, "|" + "|".join("---" if i == 0 else "---:" for i in range(len(rows[0]))) + "|")
    return "\n".join(lines) + "\n"


def plain(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "".join("  ".join(cell.ljust(w) if i == 0 else cell.rjust(w)
                             for i, (cell, w) in enumerate(zip(row, widths))).rstrip() + "\n"
                   for row in rows)


def title(event):
    """0 threads: each series has its own."""
    threads = f"{event.threads} thread{'s' if event.threads > 1 else ''}, " if event.threads else ""
    return f"{event.name}, {threads}{event.turns} turns"


def as_data(workload, events, about, verdicts, failures, missing, size):
    return {
        "workload": workload, "size": size, "machine": machine(),
        "programs": [dict({k: v for k, v in a.items() if k != "events"}, name=name)
                     for (_, name), a in about.items()],
        "missing": [vars(m) for m in missing], "failures": failures,
        "targets": [v.as_dict() for v in verdicts],
        "events": [{
            "name": e.name, "threads": e.threads, "turns": e.turns,
            "series": [dict(vars(s), seconds_per_unit=median_interval(s.per_unit()).as_dict())
                       for s in e.series]} for e in events if e.series]}
