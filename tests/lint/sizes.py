#!/usr/bin/env python3
"""A file of more than 700 lines hides a second concept; from 400 on it is time to look for it."""
import sys

import tree

WALL = 700
LOOK = 400
ENDINGS = (".hpp", ".cpp", ".py", ".cmake", "CMakeLists.txt", ".sh")


def check(root):
    for path in tree.files(root, ENDINGS):
        lines = tree.read(root, path).count("\n")
        if lines > WALL:
            yield path, WALL + 1, f"{lines} lines, the wall is {WALL}: split it by concept"
        elif lines > LOOK:
            print(f"{path}: {lines} lines: is there a second concept?", file=sys.stderr)


if __name__ == "__main__":
    tree.main(check, __doc__)
