"""What the lints share: the files of a tree, C++ text without comments, and how findings are told."""
import argparse
import os
import pathlib
import re
import sys

SKIPPED_FOLDERS = {"build", "results", "fixtures", "__pycache__"}
SOURCE_ENDINGS = (".hpp", ".cpp")


def files(root, endings, *folders):
    """Paths below root (in the given folders, else anywhere), relative to it, sorted."""
    found = []
    for top in folders or ("",):
        for where, subfolders, names in os.walk(root / top):
            subfolders[:] = [s for s in subfolders
                             if s not in SKIPPED_FOLDERS and (s == ".ci" or not s.startswith("."))]
            found += [(pathlib.Path(where) / n).relative_to(root)
                      for n in names if n.endswith(tuple(endings))]
    return sorted(found)


def sources(root, *folders):
    return files(root, SOURCE_ENDINGS, *folders)


def read(root, path):
    return (root / path).read_text(encoding="utf-8")


_COMMENT_OR_STRING = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<mark>[^(\s]*)\(.*?\)(?P=mark)"|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'", re.S)


def code_only(text):
    """The text with comments and the insides of literals blanked, line numbers kept."""
    def blank(match):
        found = match.group(0)
        if found.startswith("/"):
            return re.sub(r"[^\n]", " ", found)
        return found[0] + re.sub(r"[^\n]", " ", found[1:-1]) + found[-1]
    return _COMMENT_OR_STRING.sub(blank, text)


def included(text):
    """(line number, '<' or '"', name) of each #include."""
    pattern = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)
    return [(text.count("\n", 0, m.start()) + 1, m.group(1), m.group(2))
            for m in pattern.finditer(text)]


def main(check, description):
    """Runs `check(root)`, which yields (path, line, message), and exits 1 if it found anything."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--root", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parents[2])
    root = parser.parse_args().root.resolve()
    findings = list(check(root))
    for path, line, message in findings:
        print(f"{path}:{line}: {message}")
    name = pathlib.Path(sys.argv[0]).stem
    print(f"{name}: {len(findings)} finding{'' if len(findings) == 1 else 's'}")
    sys.exit(1 if findings else 0)
