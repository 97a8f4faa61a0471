#!/usr/bin/env python3
"""Includes run one way only, and never in a circle."""
import re

import tree

# Room by path, the first match decides.
ROOMS = [
    (r"core/include/filch/detail/", "detail"),
    (r"core/include/filch/", "public"),
    (r"core/src/", "core"),
    (r"adapters/\w+/include/", "adapter-public"),
    (r"adapters/", "adapter"),
    (r"bench/", "bench"),
    (r"docs/", "docs"),
    (r"tests/support/", "support"),
    (r"tests/(conformance|package|compile)/", "outside-test"),
    (r"tests/", "inside-test"),
]

# Which rooms each room may include from.
ALLOWED = {
    "detail": {"detail"},
    "public": {"public", "detail"},
    "core": {"core", "public", "detail"},
    "adapter-public": {"adapter-public", "public"},
    "adapter": {"adapter", "adapter-public", "public"},
    "support": {"support", "adapter-public", "public"},
    "bench": {"bench", "support", "adapter-public", "public"},
    "docs": {"docs", "adapter-public", "public"},
    "outside-test": {"outside-test", "support", "adapter-public", "public"},
    "inside-test": {"inside-test", "support", "adapter", "adapter-public", "core", "public",
                    "detail"},
}

# Single edges that the table above forbids, each with its reason.
EXCEPTIONS = {
    # The visibility mark is a macro: what an adapter exports needs the same one.
    ("adapter-public", "core/include/filch/detail/export.hpp"),
    ("adapter", "core/include/filch/detail/export.hpp"),
    # Plain values that verbs and their machinery share; leaves that include nothing public.
    ("detail", "core/include/filch/options.hpp"),
    ("detail", "core/include/filch/error.hpp"),
    ("detail", "core/include/filch/outcome.hpp"),
}

UMBRELLA = "core/include/filch/filch.hpp"
LIBRARY_ROOMS = {"detail", "public", "core", "adapter-public", "adapter"}


def room_of(path):
    return next((room for pattern, room in ROOMS if re.match(pattern, path)), None)


def resolve(path, kind, name, known):
    """The project's file behind an #include, or None for the system's."""
    folder = path.rsplit("/", 1)[0]
    adapters = sorted({"/".join(k.split("/")[:2]) for k in known if k.startswith("adapters/")})
    places = [f"{folder}/{name}"] if kind == '"' else []
    places += [f"core/include/{name}", f"core/src/{name}"]
    places += [f"{a}/include/{name}" for a in adapters] + [f"tests/{name}", f"bench/{name}"]
    places += [f"tests/support/{name}", f"bench/harness/{name}"]
    for place in places:
        parts = []
        for part in place.split("/"):
            if part == "..":
                parts.pop()
            elif part != ".":
                parts.append(part)
        if "/".join(parts) in known:
            return "/".join(parts)
    return None


def circle_from(start, edges):
    """A path of files that leads from `start` back to it, or None."""
    stack, seen = [(start, [start])], set()
    while stack:
        here, way = stack.pop()
        for target in edges.get(here, ()):
            if target == start:
                return way
            if target not in seen:
                seen.add(target)
                stack.append((target, way + [target]))
    return None


def source_folder(path):
    match = re.match(r"core/src/([^/]+)/", path)
    return match.group(1) if match else None


def check(root):
    paths = [str(p) for p in tree.sources(root)]
    known, edges, folders, places = set(paths), {}, {}, {}
    for path in paths:
        room = room_of(path)
        for line, kind, name in tree.included(tree.read(root, path)):
            target = resolve(path, kind, name, known)
            if target is None or target == path or room is None:
                continue
            edges.setdefault(path, []).append(target)
            ours, theirs = source_folder(path), source_folder(target)
            if ours and theirs and ours != theirs:
                folders.setdefault(ours, []).append(theirs)
                places.setdefault((ours, theirs), (path, line))
            if target == UMBRELLA and room in LIBRARY_ROOMS:
                yield path, line, "the umbrella header is for users: include what is needed"
            elif room_of(target) not in ALLOWED[room] and (room, target) not in EXCEPTIONS:
                yield path, line, f"{room} must not include {room_of(target)} ({target})"
    told = set()
    for path in paths:
        way = circle_from(path, edges)
        if way and frozenset(way) not in told:
            told.add(frozenset(way))
            yield path, 1, "include circle: " + " -> ".join(way + [path])
    for folder in sorted(folders):
        way = circle_from(folder, folders)
        if way and frozenset(way) not in told:
            told.add(frozenset(way))
            path, line = places[way[0], (way + way)[1]]
            yield path, line, "folders of core/src in a circle: " + " -> ".join(way + [folder])


if __name__ == "__main__":
    tree.main(check, __doc__)
