#!/usr/bin/env python3
"""Relative links in Markdown lead to a file, and their #anchor to a heading."""
import re

import tree

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)[^)]*\)|!\[[^\]]*\]\(([^)\s]+)[^)]*\)")
FENCE = re.compile(r"^(```|~~~).*?^\1", re.M | re.S)


def without_code(text):
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group(0))
    return re.sub(r"`[^`\n]+`", blank, FENCE.sub(blank, text))


def anchors(text):
    """The anchors that the usual renderers give to headings."""
    found = set()
    for heading in re.findall(r"^#{1,6}\s+(.+?)\s*#*$", FENCE.sub("", text), re.M):
        slug = re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", heading.lower())).replace(" ", "-")
        found.add(slug)
    return found


def check(root):
    for path in tree.files(root, (".md",)):
        text = without_code(tree.read(root, path))
        for match in LINK.finditer(text):
            target = match.group(1) or match.group(2)
            if re.match(r"[a-z][a-z0-9+.-]*:", target):
                continue
            line = text.count("\n", 0, match.start()) + 1
            name, _, anchor = target.partition("#")
            aim = (root / path).parent / name if name else root / path
            if not aim.exists():
                yield path, line, f"dead link: {target}"
            elif anchor and aim.suffix == ".md" and anchor not in anchors(aim.read_text("utf-8")):
                yield path, line, f"no heading for #{anchor} in {aim.name}"


if __name__ == "__main__":
    tree.main(check, __doc__)
