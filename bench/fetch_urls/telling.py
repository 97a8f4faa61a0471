"""What was measured, for people (a table, a plot) and for programs (JSON)."""
import json
import sys
from statistics import median

import contenders
from runner import plot
from runner.intervals import median_interval, ratios
from runner.report import markdown, number, plain, with_interval
from runner.targets import at_most
from runner.turns import Event, Series

QUESTION = "How fast are many URLs fetched, and what does it take?"


class ProgressLine:
    """One line on stderr that says what is running and then vanishes; nothing in a pipe."""

    def __init__(self):
        self.on_terminal = sys.stderr.isatty()

    def __call__(self, text):
        if self.on_terminal:
            print(f"\r\033[K{text[:100]}", end="", file=sys.stderr, flush=True)

    def clear(self):
        self("")


def values(entry, key):
    return [run[key] for run in entry.runs]


def of_server(entry, key):
    return [run["server"][key] for run in entry.runs]


def find(entries, contender):
    return next((e for e in entries if e.contender is contender and e.runs), None)


def rows_of(entries):
    """Fastest first."""
    base = find(entries, contenders.MULTI)
    rows = [["", "ms, median [95 %]", "of multi by hand", "CPU ms", "threads", "peak MiB",
             "of it before", "connections", "server CPU ms"]]
    for e in sorted((e for e in entries if e.runs), key=lambda e: median(values(e, "seconds"))):
        times = values(e, "seconds")
        against = ratios(times, values(base, "seconds")) if base else []
        rows.append([
            e.name, with_interval(median_interval(times).scaled(1e3)),
            with_interval(median_interval(against)) if against else "",
            number(median(values(e, "cpu")) * 1e3), f"{median(values(e, 'threads')):.0f}",
            f"{median(values(e, 'peak_kib')) / 1024:.1f}",
            f"{median(values(e, 'start_kib')) / 1024:.1f}",
            f"{median(of_server(e, 'most_connections')):.0f}",
            number(median(of_server(e, "cpu")) * 1e3)])
    return rows


def tried_rows(tried):
    """One row for each contender, one column for each size."""
    widths = sorted({t["width"] for t in tried})
    rows = [["ms, median, by number of threads"] + [str(w) for w in widths]]
    for name in dict.fromkeys(t["contender"] for t in tried):
        times = {t["width"]: number(median(t["seconds"]) * 1e3) for t in tried
                 if t["contender"] == name}
        rows.append([name] + [times.get(w, "") for w in widths])
    return rows


def server_words(load, entries):
    """Whether the server was in the way: by what the fastest run cost it."""
    runs = [run for e in entries for run in e.runs]
    if not runs:
        return ""
    fastest = min(runs, key=lambda run: run["seconds"])
    each = fastest["server"]["cpu"] / load.urls
    return (f"The server took {each * 1e6:.0f} us of processor time a request in the fastest run: a "
            f"core can answer {1 / each:.0f} a second, asked were {load.urls / fastest['seconds']:.0f}; "
            f"it was busy {100 * fastest['server']['cpu'] / fastest['seconds']:.0f} % of the time.")


def tables(load, entries, tried):
    yield load.name, rows_of(entries)
    if tried:
        yield f"{load.name}: sizes tried before", tried_rows(tried)


def show(load, entries, tried, failures):
    for title, rows in tables(load, entries, tried):
        print(f"\n{title}\n{plain(rows)}", end="")
    print(server_words(load, entries), flush=True)
    for failure in failures:
        print(f"FAILED: {failure}", file=sys.stderr, flush=True)


def judge(measured):
    """What the library promises, where it was measured."""
    found, by_name = [], {load.name: entries for load, (entries, _, _) in measured.items()}
    few, thousand, many, limited, _ = [by_name.get(load.name, ()) for load in contenders.LOADS]
    ours = find(few, contenders.FILCH_MAP)
    if ours:
        found.append(at_most("14 URLs of 1 s, map without a number",
                             median_interval(values(ours, "seconds")).scaled(1e3), 1200, " ms"))
    for contender in (contenders.FILCH_ASYNC, contenders.FILCH_STREAM):
        for name, entries in (("10 000 URLs", many), ("10 000 URLs, 6 a host", limited)):
            found += against(f"{name}: the time of {contender.name}, of multi's by hand", "seconds",
                             1, find(entries, contender), find(entries, contenders.MULTI))
        found += against(f"{contender.name}: peak of memory at 10 000 URLs of that at 1000",
                         "peak_kib", 1.1, find(many, contender), find(thousand, contender))
    return found


def against(what, key, bound, ours, base):
    if not ours or not base:
        return []
    of_base = ratios(values(ours, key), values(base, key))
    return [at_most(what, median_interval(of_base), bound, "x")]


def event_of(load, entries):
    some = [Series(e.name, "URL", "", values(e, "seconds"), [1] * len(e.runs), values(e, "cpu"),
                   [0] * len(e.runs)) for e in entries if e.runs]
    return Event(load.name, 0, some, max(len(s.seconds) for s in some))


def write(folder, about, measured, verdicts, chosen):
    folder.mkdir(parents=True, exist_ok=True)
    text, loads, events = "# fetch_urls\n", [], []
    for load, (entries, tried, failures) in measured.items():
        for title, rows in tables(load, entries, tried):
            text += f"\n## {title}\n\n{markdown(rows)}"
        text += f"\n{server_words(load, entries)}\n"
        text += "".join(f"\nFAILED: {failure}\n" for failure in failures)
        if any(e.runs for e in entries):
            events.append(event_of(load, entries))
        loads.append({**vars(load), "tried": tried, "failures": failures, "contenders": [
            {"name": e.name, "width": e.width, "runs": e.runs} for e in entries]})
    text += "".join(f"\n* {v.outcome}: {v.what}: {v.figures}" for v in verdicts)
    picture = plot.svg("fetch_urls", events)
    if picture:
        (folder / "fetch_urls.svg").write_text(picture)
        text += "\n\n![fetch_urls](fetch_urls.svg)\n"
    (folder / "fetch_urls.md").write_text(text)
    data = {"name": "fetch_urls", "question": QUESTION, "machine": about,
            "servers": chosen.servers, "seed": chosen.seed, "loads": loads,
            "targets": [v.as_dict() for v in verdicts]}
    (folder / "fetch_urls.json").write_text(json.dumps(data, indent=1) + "\n")
