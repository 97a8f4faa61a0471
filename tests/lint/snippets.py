#!/usr/bin/env python3
"""Code blocks in the docs are cut from programs that are compiled and run.

A block below `<!-- snippet: examples/map.cpp#fetch -->` must be what that file, named from the
page's folder, has between `// [fetch]` and `// [end]`, without the common indentation; comment
marks are taken off a region called `output`. In README.md, docs/tutorials and docs/guide a C++
block without such a line is a finding, too. With --write the blocks are brought up to date instead.
"""
import pathlib
import re
import sys
import textwrap

import tree

MARK = re.compile(r"^<!-- snippet: (?P<file>[^#\s]+)#(?P<name>[\w-]+) -->\n"
                  r"(?P<fence>```\w*\n)?(?P<block>.*?)(?P<close>^```$|\Z)", re.M | re.S)
ALMOST = re.compile(r"^.*<!--\s*snippet.*$", re.M)
CPP_BLOCK = re.compile(r"^```(?:cpp|c\+\+)\n", re.M)
MUST_BE_CUT = ("README.md", "docs/tutorials/", "docs/guide/")


def pages(root):
    return [p for p in tree.files(root, (".md",)) if str(p) == "README.md" or p.parts[0] == "docs"]


def regions(text):
    """{name: text} of the marked regions of a source; None for one that is there twice or open."""
    found = {}
    parts = re.split(r"^[ \t]*// \[([\w-]+)\][ \t]*\n", text, flags=re.M)
    for name, body, following in zip(parts[1::2], parts[2::2], parts[3::2] + [""]):
        if name == "end":
            continue
        body = textwrap.dedent(body)
        if name == "output":
            body = re.sub(r"^// ?", "", body, flags=re.M)
        found[name] = None if name in found or following != "end" else body
    return found


def cut(root, page, file, name):
    """The text of a snippet, or None and why it cannot be had."""
    source = (root / page).parent / file
    if not source.is_file():
        return None, f"there is no {file}"
    found = regions(source.read_text("utf-8"))
    if name not in found:
        return None, f"{file} has no region // [{name}]"
    if found[name] is None:
        return None, f"region // [{name}] of {file} is there twice or has no // [end]"
    return found[name], None


def check_page(root, page, text):
    def line_of(position):
        return text.count("\n", 0, position) + 1

    marks = list(MARK.finditer(text))
    for match in marks:
        wanted, problem = cut(root, page, match["file"], match["name"])
        if problem:
            yield page, line_of(match.start()), problem
        elif not match["fence"]:
            yield page, line_of(match.start()), "the block must begin on the next line"
        elif match["block"] != wanted:
            yield (page, line_of(match.start()),
                   f"the block is not what {match['file']}#{match['name']} says; "
                   "run tests/lint/snippets.py --write")
    for match in ALMOST.finditer(text):
        if not any(m.start() == match.start() for m in marks):
            yield page, line_of(match.start()), "write <!-- snippet: file#name -->"
    if str(page).startswith(MUST_BE_CUT):
        cut_blocks = {m.start("fence") for m in marks}
        for match in CPP_BLOCK.finditer(text):
            if match.start() not in cut_blocks:
                yield page, line_of(match.start()), "C++ that nothing compiles: cut it from a program"


def check(root):
    for page in pages(root):
        yield from check_page(root, page, tree.read(root, page))


def write(root):
    for page in pages(root):
        def fresh(match, page=page):
            wanted, problem = cut(root, page, match["file"], match["name"])
            if problem or not match["fence"]:
                return match.group(0)
            head = match.group(0)[:match.start("block") - match.start()]
            return head + wanted + match["close"]
        text = tree.read(root, page)
        changed = MARK.sub(fresh, text)
        if changed != text:
            (root / page).write_text(changed, "utf-8")
            print(f"{page}: brought up to date")


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        write(pathlib.Path(__file__).resolve().parents[2])
    else:
        tree.main(check, __doc__)
