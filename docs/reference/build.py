#!/usr/bin/env python3
"""Builds the API reference with Doxygen; every warning is an error.

usage: build.py <output folder> [--root <top of the project>] [--doxygen <program>]
The start page is <output folder>/html/index.html.
"""
import argparse
import pathlib
import shutil
import subprocess
import sys

import show

HEADERS = ("core/include", "adapters/*/include")


def headers(root):
    return sorted(p.relative_to(root) for folder in HEADERS for top in root.glob(folder)
                  for p in top.rglob("*.hpp"))


def misfits(root):
    """Headers that show.py cannot show."""
    for path in headers(root):
        text, name = (root / path).read_text("utf-8"), show.header_name(path)
        if text.count("\nnamespace detail {\n") != text.count("\n}  // namespace detail\n"):
            yield f"{path}: a `namespace detail {{` does not end with `}}  // namespace detail`"
        elif name not in show.GROUP_OF and (not name.startswith("detail/") or show.public_names(text)):
            yield f"{path}: belongs to no group of the reference: add it to docs/reference/show.py"


def pages(root):
    return [p.relative_to(root) for top in show.PAGES for p in sorted((root / top).glob("*"))
            if (p.suffix in (".md", ".dox", ".css") or p.name == "Doxyfile")
            and p.relative_to(root).as_posix() != show.NOT_A_PAGE]


def write_input(root, to):
    """A copy of all that is shown, as show.py shows it."""
    shutil.rmtree(to, ignore_errors=True)
    for path in pages(root) + [h for h in headers(root) if show.header_name(h) in show.GROUP_OF]:
        text = (root / path).read_text("utf-8")
        if path.suffix == ".hpp":
            text = show.header(path, text)
        elif path.suffix == ".md":
            text = show.page(root, path, text)
        (to / path).parent.mkdir(parents=True, exist_ok=True)
        (to / path).write_text(text, "utf-8")


def run_doxygen(program, source, output):
    """What it warns of, with paths as in the project."""
    settings = (source / "docs/reference/Doxyfile").read_text("utf-8")
    settings += f'\nOUTPUT_DIRECTORY = "{output}"\n'
    run = subprocess.run([program, "-"], input=settings, cwd=source, capture_output=True,
                         encoding="utf-8")
    lines = run.stderr.replace(f"{source}/", "").splitlines()
    said = list(dict.fromkeys(l for l in lines if l.strip()))  # pool and view inherit the same
    if run.returncode != 0 and not said:
        said = [f"{program} ended with code {run.returncode}"]
    return said


def build(root, output, program):
    """What is wrong with the reference; empty if it was built and nothing is."""
    problems = list(misfits(root))
    if problems:
        return problems
    shutil.rmtree(output / "html", ignore_errors=True)
    source = output / "input"
    write_input(root, source)
    return run_doxygen(program, source, output)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("--root", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parents[2])
    parser.add_argument("--doxygen", default="doxygen")
    asked = parser.parse_args()
    output = asked.output.resolve()
    problems = build(asked.root.resolve(), output, asked.doxygen)
    if problems:
        print("\n".join(problems))
        sys.exit(f"{len(problems)} lines of warnings: the reference is not as it should be")
    print(output / "html" / "index.html")


if __name__ == "__main__":
    main()
