"""The project's headers and pages as Doxygen is to see them. Every line stays where it is, so that
warnings name the right one.

Headers: the inline namespace is left out, so that names read `filch::pool`, and so is what stands
in a `namespace detail`. Each header's names go to a group of groups.dox. Labels such as `Throws:`
become headings; a verb of pools is given the contract that stands where the verb is defined. Pages:
links become Doxygen's.
"""
import re

# The groups of groups.dox, and the headers whose names each holds.
GROUPS = {
    "pool": "pool verbs options pool_options submit scope fork_join this_job worker_local progress "
            "detail/job",
    "map": "map map_async reduce algorithm ranges outcome",
    "race": "race hedge",
    "stream": "imap queue detail/stream",
    "graph": "graph graph_run subgraph detail/graph_core",
    "io": "io http blocking retry",
    "future": "future promise when stop",
    "error": "error",
    "engine": "engine tbb serial select",
    "process": "filch signals exit",
}
GROUP_OF = {header: group for group, headers in GROUPS.items() for header in headers.split()}
PAGES = ("docs/reference/", "docs/guide/", "docs/tutorials/", "docs/decisions/", "docs/design/")
NOT_A_PAGE = "docs/reference/README.md"
LABEL = "(?:Requires|Cost|Threads|Blocks|Sees|Throws|Lifetime|Source|Options|Errors|Example|Waiting" \
        "|Deadlock|Exceptions|Elements)"
LABELS = re.compile(rf"(?:^|(?<=[.;)] ))({LABEL}(?:, {LABEL})*): ?")
DETAIL = re.compile(r"^namespace detail \{$.*?^\}  // namespace detail$", re.M | re.S)
VERB = re.compile(r"(  ///[^\n]*)\n((?:  (?!\s*///)[^\n]*\n)+?)"
                  r"([^\n]*\bvia<(\w+), [^;]*?>\(\)\.(\w+)\()")


def header_name(path):
    """What stands between `filch/` and `.hpp`."""
    return str(path).rpartition("include/filch/")[2].removesuffix(".hpp")


def without_detail(text):
    return DETAIL.sub(lambda m: "\n" * m[0].count("\n"), text)


def public_names(text):
    """The first lines of what is defined outside of `namespace detail`."""
    begins = r"^(?:(?:class|struct|enum|union)\b.*\{|using\b.*|FILCH_API\b.*)$"
    return re.findall(begins, without_detail(text), re.M)


def in_group(text, header):
    """`header`, `names`, `label` and `contract` are aliases in the Doxyfile."""
    group = GROUP_OF[header]
    if not header.startswith("detail/"):
        told = f"/// @header{{{group},filch/{header}.hpp}}"
        text, found = re.subn(r"^/// \\file$", told, text, count=1, flags=re.M)
        if not found:
            text = text.replace("#pragma once", told, 1)
    else:
        text = text.replace("/// \\file\n", "// \n", 1)
    text = re.sub(r"^inline namespace v0 \{$", f"/** @names{{{group}}} */", text, flags=re.M)
    return re.sub(r"^\}  // namespace v0$", "/** @} */", text, flags=re.M)


def comment(line):
    """A line of a comment: labels become headings, dots no end of the first sentence."""
    before, mark, words = line.partition("/// ")
    if before.strip() or not mark or words.startswith("    "):
        return line
    words = words.replace("... ", "\u2026 ")
    words = LABELS.sub(lambda m: f"@label{{{m[1].replace(', ', ' and ')}}} ", words)
    return before + mark + words


def declaration(line):
    """A line of code, without what nobody spells."""
    line = re.sub(r"inline constexpr detail::\w+_fn (\w+)\{\};", r"inline constexpr auto \1 = callable;",
                  line)
    line = line.replace(" = detail::no_options()", " = {}")
    return line.replace("filch::detail::", "").replace("detail::", "")


def header(path, text):
    """Requires: the header has a group."""
    name = header_name(path)
    text = in_group(without_detail(text), name)
    if name == "verbs":
        text = VERB.sub(r"\1 @contract{\4,\5}\n\2\3", text)
    lines = (comment(l) if l.lstrip().startswith("///") else declaration(l) for l in text.split("\n"))
    return "\n".join(lines)


def page_id(path):
    return re.sub(r"\W", "_", str(path).removesuffix(".md"))


def slug(heading):
    """As the usual renderers make it; tests/lint/links.py holds all links to it."""
    return re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", heading.lower())).replace(" ", "-")


def link(root, here, match):
    words, target = match.groups()
    if re.match(r"[a-z]+:", target):
        return match[0]
    name, _, anchor = target.partition("#")
    aim = ((root / here).parent / name).resolve().relative_to(root.resolve()) if name else here
    if str(aim) == NOT_A_PAGE:
        return f"[{words}](@ref index)"
    if aim.suffix == ".md" and str(aim).startswith(PAGES):
        # The tree of pages; Doxygen crashes if it has a circle.
        below = here.name == "main.md" or (here.name == "README.md" and aim.parent == here.parent)
        if below and not anchor:
            return f'@subpage {page_id(aim)} "{words}"'
        return f"[{words}](@ref {page_id(aim)}{'_' + anchor if anchor else ''})"
    return f"{words} (`{aim}`)"


def page(root, path, text):
    """Every heading gets the name that links to it use, the first that of the page."""
    lines, fenced, named = [], False, False
    for line in text.split("\n"):
        heading = None if fenced else re.fullmatch(r"(#{1,6})\s+(.+?)\s*#*", line)
        if line.startswith(("```", "~~~")):
            fenced = not fenced
            line = re.sub(r"^```(\w+)$", r"```{.\1}", line)
        elif heading:
            anchor = f"_{slug(heading[2])}" if named else ""
            line = f"{heading[1]} {heading[2]} {{#{page_id(path)}{anchor}}}"
            named = True
        elif not fenced:
            line = re.sub(r"(?<!!)\[([^\]]*)\]\(([^)\s]+)\)", lambda m: link(root, path, m), line)
        lines.append(line)
    return "\n".join(lines)
