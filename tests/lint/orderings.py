#!/usr/bin/env python3
"""Every atomic access spells its ordering and says what the ordering is for.

The comment stands on a line of the statement or right before it:
    // order: <what it makes visible> [pair:NAME]     (NAME again on the other side)
    // order: [relaxed: <why nothing needs to be visible>]
"""
import re

import tree

FOLDERS = ("core", "adapters")
NAMED_ORDER = re.compile(r"\bmemory_order(?:_|::)\w+")
ACCESS = re.compile(
    r"(?:\.|->)\s*(?:load|store|exchange|compare_exchange_\w+|fetch_(?:add|sub|and|or|xor)"
    r"|test_and_set)\s*\(|\batomic_(?:thread|signal)_fence\s*\(")
PASSED_ON = re.compile(r"\b(?:order|success|failure|\w+_order)\b")
# One statement that is both sides: each release of it is read by the next one that acquires.
BOTH_SIDES = re.compile(r"\b(?:fetch_\w+|exchange)\s*\(.*memory_order(?:_|::)(?:acq_rel|seq_cst)", re.S)
TAG = re.compile(r"\[pair:\s*([^\]]+)\]|\[relaxed:\s*[^\]]+\]")
ATOMIC_MEMBER = re.compile(
    r"(?:\bstd::atomic(?:_flag)?|\batomic)\s*(?:<(?:[^<>;]|<[^<>;]*>)*>)?\s+(\w+)\s*[{;(=]")


def line_of(text, position):
    return text.count("\n", 0, position)


def statement_lines(code_lines, line):
    """First and last line of the statement that contains `line`."""
    def ends(text):
        text = text.strip()
        return not text or text.endswith((";", "{", "}", ":")) or text.startswith("#")
    first = line
    while first > 0 and not ends(code_lines[first - 1]):
        first -= 1
    last = line
    while last + 1 < len(code_lines) and not ends(code_lines[last]):
        last += 1
    return first, last


def comment_near(lines, code_lines, line):
    """The comments of the statement and the block of comment lines right before it."""
    first, last = statement_lines(code_lines, line)
    above = first
    while above > 0 and lines[above - 1].strip().startswith("//"):
        above -= 1
    said = []
    for text in lines[above:last + 1]:
        before, mark, after = text.partition("//")
        said.append(after.strip() if mark and before.count('"') % 2 == 0 else "")
    return " ".join(said)


def arguments(code, start):
    """The text between the parenthesis that opens at or after start and its partner."""
    start = code.index("(", start)
    depth = 0
    for position in range(start, len(code)):
        depth += {"(": 1, ")": -1}.get(code[position], 0)
        if depth == 0:
            return code[start + 1:position]
    return code[start + 1:]


def silent_accesses(code):
    """(position, message) of accesses whose ordering is left to the default."""
    for match in ACCESS.finditer(code):
        given = arguments(code, match.start())
        if not NAMED_ORDER.search(given) and not PASSED_ON.search(given):
            yield match.start(), "the ordering of this access is not spelled"
    for name in set(ATOMIC_MEMBER.findall(code)):
        if not name.endswith("_"):
            continue
        silent = re.compile(rf"(?:\+\+|--)\s*{name}\b|(?<![\w.>]){name}\s*(?:\+\+|--|[-+|&^]?=(?!=))")
        for match in silent.finditer(code):
            line_start = code.rfind("\n", 0, match.start()) + 1
            if "atomic" not in code[line_start:match.start()]:
                yield match.start(), f"an operator on the atomic '{name}' hides its ordering"


def check_file(root, path, pairs):
    text = tree.read(root, path)
    code = tree.code_only(text)
    lines, code_lines = text.split("\n"), code.split("\n")
    for position, message in silent_accesses(code):
        line = line_of(code, position)
        if "[plain:" not in comment_near(lines, code_lines, line):
            yield path, line + 1, message
    named = {line_of(code, m.start()) for m in NAMED_ORDER.finditer(code)}
    statements = {}
    for line in sorted(named):
        statements.setdefault(statement_lines(code_lines, line), line)
    for line in statements.values():
        said = comment_near(lines, code_lines, line)
        _, mark, reason = said.partition("order:")
        tags = TAG.findall(reason)
        if not mark:
            yield path, line + 1, "an ordering without an '// order:' comment"
        elif not tags:
            yield path, line + 1, "its '// order:' names no [pair:NAME] and no [relaxed: reason]"
        first, last = statement_lines(code_lines, line)
        sides = 2 if BOTH_SIDES.search("\n".join(code_lines[first:last + 1])) else 1
        for names in tags:
            for name in re.split(r"[,\s]+", names.strip()):
                if name:
                    pairs.setdefault(name, []).extend([(path, line + 1)] * sides)


def check(root):
    pairs = {}
    for path in tree.sources(root, *FOLDERS):
        yield from check_file(root, path, pairs)
    for name, sides in sorted(pairs.items()):
        if len(sides) < 2:
            yield sides[0][0], sides[0][1], f"[pair:{name}] has no other side"


if __name__ == "__main__":
    tree.main(check, __doc__)
