#!/usr/bin/env python3
"""No unfinished business, no paths of one machine, no primitive that loses wake-ups."""
import re

import tree

ENDINGS = (".hpp", ".cpp", ".py", ".cmake", ".md", ".json", ".sh", ".txt", ".in", "dev", "run")
# The words are put together here so that this file does not find itself.
EVERYWHERE = [
    (re.compile(r"\b(?:%s)\b" % "|".join(("TO" + "DO", "FIX" + "ME", "X" + "XX"))),
     "unfinished business: do it or write an issue"),
    (re.compile(r"(?<![\w.])/(?:%s)/" % "|".join(("wo" + "rk", "ro" + "ot", "ho" + "me/\\w+"))),
     "a path of one machine"),
]
LIBRARY = [
    (re.compile(r"\bstd::(?:condition_variable(?:_any)?|counting_semaphore|binary_semaphore)\b"),
     "may lose a wake-up in glibc 2.36: sleep on a futex word"),
]


def check(root):
    for path in tree.files(root, ENDINGS):
        text = tree.read(root, path)
        if str(path).startswith("core/"):
            text_of_code = tree.code_only(text)
            for pattern, message in LIBRARY:
                for match in pattern.finditer(text_of_code):
                    yield path, text_of_code.count("\n", 0, match.start()) + 1, message
        for pattern, message in EVERYWHERE:
            for match in pattern.finditer(text):
                yield path, text.count("\n", 0, match.start()) + 1, f"{match.group(0)!r}: {message}"


if __name__ == "__main__":
    tree.main(check, __doc__)
