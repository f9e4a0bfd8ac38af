"""brat's `annotation.conf`: the relations that an annotation project allows.

Source: brat.nlplab.org/configuration.html; server/src/projectconfig.py of brat.
"""

import re
from itertools import product
from pathlib import Path
from typing import Any, Dict, Iterable, List, NamedTuple, Set, Tuple

CONFIG_NAME = "annotation.conf"

Line = Tuple[int, str]
# types that satisfy a constraint: the type itself and its subtypes
Hierarchy = Dict[str, Set[str]]

ARGUMENT = re.compile(r"([^\s:,;<>]+):([^\s,;]+)$")
MACRO = re.compile(r"\s*(<[^>]+>)\s*=\s*(.*)$")
# aliases of sections: brat's SECTION_ALIAS
ALIASES = {"spans": "entities"}
RESERVED = ("<ENTITY>", "<EVENT>", "<ANY>", "<RELATION>")
# maximum length of a line with its macros, which may use each other
MAX_LINE = 100_000
# these allow overlapping spans and are not relations
SPAN_RULES = ("<OVERLAP>", "ENTITY-NESTING")


class _Relation(NamedTuple):
    name: str
    heads: str
    tails: str
    is_symmetric: bool
    is_transitive: bool
    roles: Tuple[str, ...]


def read_annotation_conf(path: Path) -> Dict[str, Any]:
    """Read labels, symmetric labels and allowed types.

    path (Path): the `annotation.conf`.
    RETURNS (Dict[str, Any]): as `Schema.to_dict` returns it. Lines with the same name
        are alternatives, and are combined.
    RAISES (ValueError): with one line per mistake.
    """
    data, problems = parse_annotation_conf(path)
    if problems:
        raise ValueError("\n".join(problems))
    return data


def parse_annotation_conf(path: Path) -> Tuple[Dict[str, Any], List[str]]:
    """Like `read_annotation_conf`, but continues after mistakes.

    path (Path): the `annotation.conf`.
    RETURNS (Tuple[Dict[str, Any], List[str]]): what could be read, and a message for
        each mistake, beginning with file and line.
    """
    relations: Dict[str, Any] = {}
    try:
        sections = _read_sections(path)
    except ValueError as error:
        return {"relations": relations}, [str(error)]
    macros = _read_macros([line for lines in sections.values() for line in lines])
    known = _read_types(sections)
    problems = []
    for number, line in sections["relations"]:
        if MACRO.match(line) or line.split()[0] in SPAN_RULES:
            continue
        try:
            relation = _read_relation(_substitute(line, macros))
            heads = _expand(relation.heads, known)
            tails = _expand(relation.tails, known)
        except ValueError as error:
            problems.append(f"{path}:{number}: {error}")
            continue
        entry = relations.setdefault(relation.name, {"pairs": [], "symmetric": False})
        known_pairs = set(map(tuple, entry["pairs"]))
        pairs = product(dict.fromkeys(heads), dict.fromkeys(tails))
        entry["pairs"] += [list(pair) for pair in pairs if pair not in known_pairs]
        entry["symmetric"] = entry["symmetric"] or relation.is_symmetric
        if relation.is_transitive:
            entry["transitive"] = True
    return {"relations": relations}, problems


def read_roles(path: Path) -> Dict[str, Tuple[str, ...]]:
    """Read the roles of head and tail.

    path (Path): the `annotation.conf`.
    RETURNS (Dict[str, Tuple[str, ...]]): two roles per label; without the lines with
        mistakes, see `parse_annotation_conf`.
    """
    found: Dict[str, Tuple[str, ...]] = {}
    try:
        sections = _read_sections(path)
    except ValueError:
        return found
    macros = _read_macros([line for lines in sections.values() for line in lines])
    for _, line in sections["relations"]:
        try:
            relation = _read_relation(_substitute(line, macros))
        except ValueError:
            continue  # a macro, among others
        found.setdefault(relation.name, relation.roles)
    return found


def _read_sections(path: Path) -> Dict[str, List[Line]]:
    sections: Dict[str, List[Line]] = {}
    current = ""
    lines = re.split(r"\r\n|\n|\r", _read_text(path))
    for number, line in enumerate(lines, 1):
        header = re.match(r"\s*\[(\w+)\]\s*$", line)
        if header:
            current = header.group(1).lower()
            current = ALIASES.get(current, current)
            sections.setdefault(current, [])
        elif line.strip() and not line.lstrip().startswith("#"):
            sections.setdefault(current, []).append((number, line.rstrip()))
    if "relations" not in sections:
        found = ", ".join(f"[{name}]" for name in sections if name) or "none"
        raise ValueError(
            f"{path}:1: found the sections {found}, expected [relations]. Is it brat's "
            f"{CONFIG_NAME}?"
        )
    return sections


def _read_text(path: Path) -> str:
    try:
        data = path.read_bytes()
        return data.decode("utf-8-sig")
    except OSError as error:
        raise ValueError(f"{path}: can't be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"{path}:{line}: byte {error.start} is not valid UTF-8; save the file as "
            f"UTF-8."
        ) from None


def _read_types(sections: Dict[str, List[Line]]) -> Hierarchy:
    """RETURNS (Hierarchy): the names that a constraint can use, and the types that
    satisfy each."""
    entities = _read_hierarchy(sections.get("entities", []))
    events = _read_hierarchy(sections.get("events", []))
    all_entities = {name for names in entities.values() for name in names}
    all_events = {name for names in events.values() for name in names}
    return {
        **events,
        **entities,
        "<ENTITY>": all_entities,
        "<EVENT>": all_events,
        "<ANY>": all_entities | all_events,
    }


def _read_hierarchy(lines: List[Line]) -> Hierarchy:
    """Read types by indentation: a child satisfies constraints on its parents."""
    parents: List[Tuple[int, List[str]]] = []
    found: Hierarchy = {}
    for _, line in lines:
        indent = len(line) - len(line.lstrip())
        names = _read_names(line)
        if not names or MACRO.match(line):
            continue
        while parents and parents[-1][0] >= indent:
            parents.pop()
        parents.append((indent, names))
        for parent in {name for _, names in parents for name in names}:
            types = found.setdefault(parent, set())
            if not line.lstrip().startswith("!"):  # else it can't be annotated
                types.add(names[0])
    return found


def _read_names(line: str) -> List[str]:
    """Read a type's names, the stored one first: `Protein | Prot<tab>arguments`."""
    joined = re.sub(r" *\| *", "|", line.strip())
    names = [name.lstrip("!") for name in joined.split()[0].split("|")]
    return [name for name in names if name.strip("-")]  # "-----" separates


def _read_macros(lines: List[Line]) -> Dict[str, str]:
    macros = {}
    for _, line in lines:
        match = MACRO.match(line)
        if match and match.group(1) not in RESERVED:
            macros[match.group(1)] = match.group(2).strip()
    return macros


def _substitute(line: str, macros: Dict[str, str]) -> str:
    for macro in reversed(list(macros)):  # a macro may use previous ones
        line = line.replace(macro, macros[macro])
        if len(line) > MAX_LINE:
            raise ValueError(
                f"the macro {macro} expands to more than {MAX_LINE:,} characters. "
                "Name the types, or use <ENTITY>."
            )
    return line


def _read_relation(line: str) -> _Relation:
    parts = re.sub(r" *\| *", "|", line.strip()).split(None, 1)
    name = parts[0].split("|")[0].lstrip("!")
    arguments: Dict[str, str] = {}
    properties: List[str] = []
    for field in (parts[1] if parts[1:] else "").split(","):
        field = field.strip()
        if field.startswith("<REL-TYPE>:"):
            properties = field.split(":", 1)[1].split("-")
        elif field:
            role, types = _read_argument(name, field)
            arguments[role] = types
    if not name:
        raise ValueError(f"found {line.strip()!r}, expected a relation's name first.")
    if len(arguments) != 2:
        found = ", ".join(arguments) or "none"
        raise ValueError(
            f"relation {name!r}: found the arguments {found}, expected two: "
            f"'Arg1:TYPE, Arg2:TYPE'."
        )
    roles = tuple(arguments)
    if set(roles) == {"Arg1", "Arg2"}:
        roles = ("Arg1", "Arg2")
    head, tail = (arguments[role] for role in roles)
    is_symmetric, is_transitive = (x in properties for x in ("symmetric", "transitive"))
    return _Relation(name, head, tail, is_symmetric, is_transitive, roles)


def _read_argument(name: str, field: str) -> Tuple[str, str]:
    match = ARGUMENT.match(field)
    if not match:
        hint = " Write ',' instead of ';'." if ";" in field else ""
        raise ValueError(
            f"relation {name!r}: found {field!r}, expected 'Arg1:TYPE, Arg2:TYPE', "
            f"arguments separated by a comma and types by '|'.{hint}"
        )
    return match.group(1), match.group(2)


def _expand(constraint: str, known: Hierarchy) -> List[str]:
    """List all types that satisfy alternatives such as `Person|<POG>`."""
    found: List[str] = []
    for name in constraint.split("|"):
        if name not in known:
            raise ValueError(_describe_unknown(name, known))
        found += sorted(known[name] - set(found))
    return found


def _describe_unknown(name: str, known: Iterable[str]) -> str:
    types = sorted(type_ for type_ in known if type_ not in RESERVED)
    if name.startswith("<"):
        return (
            f"found the macro {name}, which is not defined in this file, expected a "
            f"type or a macro. Define it in a line '{name}=TYPE|TYPE'."
        )
    shown = ", ".join(types[:8]) + (", ..." if types[8:] else "")
    return (
        f"found the type {name!r}, which is not in [entities] or [events] (they have "
        f"{shown or 'none'}). Add it there, or correct it."
    )
