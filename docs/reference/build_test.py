#!/usr/bin/env python3
"""The reference must refuse what it should not show, and must show what it is for.

usage: build_test.py <doxygen> <folder to work in>
Plants defects in a copy of the project's headers and pages.
"""
import pathlib
import shutil
import sys

import build

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEADERS = "core/include/filch/"
# (file, text, its replacement, what the build must say)
DEFECTS = [
    (HEADERS + "pool.hpp", "  /// One paragraph for people: engine,", "  // Engine,",
     "pool.hpp:LINE: warning: Member describe() const (function) of class filch::pool"),
    (HEADERS + "pool.hpp", "/// Chooses the engine of the default pool.",
     "/// Chooses.\n/// @param wrong a name that is none",
     "argument 'wrong' of command @param is not found"),
    (HEADERS + "engine.hpp", "/// The engine of filch itself:", "/// See @ref nowhere_at_all for",
     "unable to resolve reference to 'nowhere_at_all'"),
    (HEADERS + "verbs.hpp", "via<map_verbs, F>().for_index(", "via<map_verbs, F>().for_indices(",
     "target 'map_verbs::for_indices' not found"),
    ("docs/guide/README.md", "](pool.md)", "](pool.md#no-such-heading)",
     "unable to resolve reference to 'docs_guide_pool_no-such-heading'"),
]
# (new header, its text, what the build must say of it)
MISFITS = [
    ("brand_new.hpp", "#pragma once\n", "belongs to no group"),
    ("detail/brand_new.hpp", "#pragma once\nstruct shown_to_users {\n};\n", "belongs to no group"),
    ("open.hpp", "#pragma once\nnamespace detail {\nint hidden;\n}\n", "a `namespace detail {`"),
]
# Names that a reader looks for, each on the page it belongs to.
SHOWN = [
    ("classfilch_1_1pool.html", "<title>filch: filch::pool Class Reference</title>"),
    ("classfilch_1_1pool.html", "before any call, if"),  # of map_into, from map_verbs
    ("group__map.html", "filch::starmap"),
    ("group__map.html", "std::ranges::viewable_range"),
    ("group__error.html", "filch::would_deadlock"),
    ("namespacefilch_1_1http.html", "get_async"),
    ("docs_guide_racing.html", "first_n"),
]


def line_of(path, words):
    lines = path.read_text("utf-8").splitlines()
    return 1 + next(i for i, line in enumerate(lines) if words in line)


def copied(to):
    shutil.rmtree(to, ignore_errors=True)
    for path in [*build.headers(ROOT), *build.pages(ROOT)]:
        (to / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, to / path)
    return to


def plant(root, file, old, new):
    text = (root / file).read_text("utf-8")
    if text.count(old) != 1:
        raise SystemExit(f"{file} has {text.count(old)} times '{old}': renew the defect")
    (root / file).write_text(text.replace(old, new), "utf-8")


def missed(doxygen, folder):
    root = copied(folder / "project")
    said = build.build(root, folder / "sound", doxygen)
    yield from (f"without a defect: {line}" for line in said)
    html = folder / "sound/html"
    yield from (f"{page} does not show {words}" for page, words in SHOWN
                if words not in (html / page).read_text("utf-8"))
    yield from (f"{page.name} shows what is private" for page in html.glob("*.html")
                if any(w in page.read_text("utf-8") for w in ("v0::", "For filch's own verbs")))
    for file, old, new, _ in DEFECTS:
        plant(root, file, old, new)
    said = "\n".join(build.build(root, folder / "bad", doxygen))
    said = said.replace(f":{line_of(root / DEFECTS[0][0], 'describe() const;')}:", ":LINE:")
    yield from (f"not refused: {wanted}" for *_, wanted in DEFECTS if wanted not in said)
    for name, text, wanted in MISFITS:
        (root / HEADERS / name).write_text(text, "utf-8")
        if f"{name}: {wanted}" not in "\n".join(build.build(root, folder / "bad", doxygen)):
            yield f"not refused: {name}, which {wanted}"


def main():
    problems = list(missed(sys.argv[1], pathlib.Path(sys.argv[2]).resolve()))
    refused = len(DEFECTS) + len(MISFITS)
    print("\n".join(problems) or f"{refused} defects are refused, {len(SHOWN)} names are shown")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
