"""The schema of allowed relations: labels, symmetry, entity types and constraints."""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Dict, FrozenSet, List, Optional, Set, Tuple

import numpy
import srsly
from spacy.tokens import Doc

from .brat_config import read_annotation_conf
from .checks import InputError, check_mapping, check_names
from .relations import LabelConstraints, count_support, get_relation_keys

TypePair = Tuple[str, str]

FILE_HELP = (
    "Expected an object such as {'relations': {'WORKS_FOR': {'pairs': "
    "[['PERSON', 'ORG']], 'symmetric': false}}}; a label without 'pairs' allows any "
    "two types."
)
FIELDS = ("pairs", "symmetric", *LabelConstraints._fields)


class Schema:
    """Labels, symmetric labels, and the entity types allowed for each label.

    pairs (Mapping[str, Optional[Iterable[TypePair]]]): for each label the allowed
        (head type, tail type), or None for any.
    symmetric (Iterable[str]): labels without a direction. Their type pairs are allowed
        in both directions.
    support (Optional[Mapping]): counts of each (head type, label, tail type), if the
        schema was learned from data.
    constraints (Optional[Mapping[str, LabelConstraints]]): constraints on the relations
        of a label within a document.
    """

    def __init__(
        self,
        pairs: Mapping[str, Optional[Iterable[TypePair]]],
        *,
        symmetric: Iterable[str] = (),
        support: Optional[Mapping[Tuple[str, str, str], int]] = None,
        constraints: Optional[Mapping[str, LabelConstraints]] = None,
    ) -> None:
        self.symmetric: FrozenSet[str] = frozenset(check_names(symmetric, "symmetric"))
        self.support = dict(support or {})
        self.pairs: Dict[str, Optional[FrozenSet[TypePair]]] = {}
        check_mapping(pairs, "Schema: pairs", "{'LABEL': [('HEAD', 'TAIL')]}")
        for label in check_names(list(pairs), "Schema: labels"):
            types = _read_pairs(pairs[label], f"Schema: {label}")
            if types is not None and label in self.symmetric:
                types += [(tail, head) for head, tail in types]
            self.pairs[label] = None if types is None else frozenset(types)
        unknown = self.symmetric - set(self.pairs)
        if unknown:
            raise InputError(
                f"Schema: symmetric label(s) {sorted(unknown)} are not among its "
                f"labels {sorted(self.pairs)}. Add them to 'relations', or correct the "
                f"name."
            )
        # only of labels that have any
        self.constraints = {
            label: check_constraints(found, label, label in self.symmetric)
            for label, found in (constraints or {}).items()
            if found != LabelConstraints()
        }

    @property
    def labels(self) -> List[str]:
        """RETURNS (List[str]): all labels, in the schema's order."""
        return list(self.pairs)

    def add(self, other: "Schema") -> "Schema":
        """RETURNS (Schema): a schema that allows what either of both allows, without
        constraints.

        other (Schema): the other one.
        """
        pairs: Dict[str, Optional[Iterable[TypePair]]] = dict(self.pairs)
        for label, types in other.pairs.items():
            own = self.pairs.get(label, frozenset())
            pairs[label] = None if own is None or types is None else own | types
        return Schema(pairs, symmetric=self.symmetric | other.symmetric)

    def allows(self, head_type: str, label: str, tail_type: str) -> bool:
        """Check a relation. Labels that aren't in the schema are allowed everywhere.

        head_type, tail_type (str): entity types.
        label (str): the relation's label.
        RETURNS (bool): whether it is allowed.
        """
        allowed = self.pairs.get(label)
        return allowed is None or (head_type, tail_type) in allowed

    def mask(self, types: List[str], labels: List[str]) -> numpy.ndarray:
        """The allowed relations as an array.

        types (List[str]): entity types.
        labels (List[str]): relation labels.
        RETURNS (ndarray): (n_types, n_types, n_labels), bool: head, tail, label.
        """
        mask = numpy.ones((len(types), len(types), len(labels)), dtype=bool)
        index = {type_: i for i, type_ in enumerate(types)}
        for column, label in enumerate(labels):
            allowed = self.pairs.get(label)
            if allowed is not None:
                mask[:, :, column] = False
                for head, tail in allowed:
                    if head in index and tail in index:
                        mask[index[head], index[tail], column] = True
        return mask

    def contradictions(self, docs: Iterable[Doc]) -> Counter:
        """Count the relations in data that the schema doesn't allow.

        docs (Iterable[Doc]): documents with relations.
        RETURNS (Counter): counts by (head type, label, tail type).
        """
        found = count_type_pairs(docs)
        return Counter({key: n for key, n in found.items() if not self.allows(*key)})

    def list_constraints(self) -> List[str]:
        """RETURNS (List[str]): the constraints, such as `WORKS_FOR max_tails = 1`."""
        return [
            f"{label} {name}" if value is True else f"{label} {name} = {value}"
            for label, found in self.constraints.items()
            for name, value in found._asdict().items()
            if value
        ]

    def count_violations(self, docs: Iterable[Doc]) -> Counter:
        """Count the cases in data that violate a constraint.

        docs (Iterable[Doc]): documents with relations.
        RETURNS (Counter): counts by label and name of the constraint.
        """
        counts: Counter = Counter()
        for doc in docs if self.constraints else ():
            keys = [x for x in get_relation_keys(doc) if x.label in self.constraints]
            counts += count_support(keys, (), self.constraints.__getitem__)
        return +Counter(
            {
                (label, name): n - counts[label, name, "kept"]
                for (label, name, kind), n in counts.items()
                if kind == "all"
            }
        )

    def to_dict(self) -> Dict[str, Any]:
        """RETURNS (Dict[str, Any]): plain data, as in a schema file."""
        relations: Dict[str, Any] = {}
        for label, allowed in self.pairs.items():
            relations[label] = {"symmetric": label in self.symmetric}
            if allowed is not None:
                relations[label]["pairs"] = [list(pair) for pair in sorted(allowed)]
            own = self.constraints.get(label, LabelConstraints())
            relations[label].update({x: y for x, y in own._asdict().items() if y})
        support = [[*key, n] for key, n in sorted(self.support.items())]
        return {"relations": relations, **({"support": support} if support else {})}

    @classmethod
    def from_dict(cls, data: Any, source: str = "schema") -> "Schema":
        """The inverse of `to_dict`.

        data (Any): the content of a schema file.
        source (str): name of the file, for messages.
        RAISES (ValueError): if a field has an unexpected value.
        """
        relations = data.get("relations") if isinstance(data, dict) else None
        if not isinstance(relations, dict):
            found = list(data) if isinstance(data, dict) else type(data).__name__
            raise InputError(
                f"{source}: 'relations' is missing or not an object; found {found}. "
                f"{FILE_HELP}"
            )
        pairs: Dict[str, Optional[List[TypePair]]] = {}
        symmetric = []
        constraints: Dict[str, LabelConstraints] = {}
        for label, entry in relations.items():
            entry = {} if entry is None else entry
            where = f"{source}: relations.{label}"
            if not isinstance(label, str):
                raise InputError(f"{where}: the label is not a string; quote it.")
            if not isinstance(entry, dict):
                raise InputError(f"{where} is {entry!r}; {FILE_HELP}")
            unknown = [name for name in entry if name not in FIELDS]
            if unknown:
                raise InputError(
                    f"{where} has unknown field(s) {unknown}; expected "
                    f"{', '.join(FIELDS)}. {FILE_HELP}"
                )
            is_symmetric = entry.get("symmetric") or False
            if not isinstance(is_symmetric, bool):
                raise InputError(
                    f"{where}.symmetric is {is_symmetric!r}; expected true or false."
                )
            pairs[label] = _read_pairs(entry.get("pairs"), where)
            if is_symmetric:
                symmetric.append(label)
            own = {x: entry[x] for x in FIELDS[2:] if entry.get(x) is not None}
            constraints[label] = LabelConstraints(**own)
            check_constraints(constraints[label], where, is_symmetric)
        support = _read_support(data.get("support"), source)
        return cls(pairs, symmetric=symmetric, support=support, constraints=constraints)

    @classmethod
    def from_path(cls, path: str | Path) -> "Schema":
        """Read a schema from JSON, YAML or brat's `annotation.conf`.

        path (str | Path): the file; `.json`, `.yml`, `.yaml` or `.conf`.
        RETURNS (Schema): the schema.
        RAISES (ValueError): if the file can't be read as one.
        """
        if not isinstance(path, (str, Path)):
            raise InputError(f"{path!r} is not a path; expected the path of a schema.")
        path = Path(path)
        if not path.is_file():
            raise InputError(
                f"{path}: schema file not found; expected JSON, YAML or brat's "
                f"annotation.conf."
            )
        if path.suffix == ".conf":
            return cls.from_dict(read_annotation_conf(path), str(path))
        if path.suffix not in (".json", ".yml", ".yaml"):
            raise InputError(
                f"{path}: unknown suffix {path.suffix!r} of a schema; expected "
                f".json, .yml, .yaml or .conf (brat's annotation.conf)."
            )
        try:
            if path.suffix == ".json":
                data = srsly.json_loads(path.read_text(encoding="utf-8-sig"))
            else:
                data = srsly.read_yaml(path)
        except Exception as error:  # the parsers raise various errors
            raise InputError(
                f"{path}: not readable as {path.suffix[1:]}: {error}"
            ) from error
        return cls.from_dict(data, str(path))

    @classmethod
    def from_docs(cls, docs: Iterable[Doc], symmetric: Iterable[str] = ()) -> "Schema":
        """Learn the allowed type pairs from data.

        docs (Iterable[Doc]): documents with relations.
        symmetric (Iterable[str]): labels without a direction.
        RETURNS (Schema): a schema of the observed type pairs, with their support.
        """
        support = count_type_pairs(docs)
        pairs: Dict[str, Set[TypePair]] = {}
        for head, label, tail in sorted(support):
            pairs.setdefault(label, set()).add((head, tail))
        known = [label for label in symmetric if label in pairs]
        return cls(pairs, symmetric=known, support=support)


def count_type_pairs(docs: Iterable[Doc]) -> Counter:
    """RETURNS (Counter): counts of (head type, label, tail type)."""
    counts: Counter = Counter()
    for doc in docs:
        for key in get_relation_keys(doc):
            counts[(key.head[2], key.label, key.tail[2])] += 1
    return counts


def check_constraints(
    found: LabelConstraints, where: str, is_symmetric: bool
) -> LabelConstraints:
    """RETURNS (LabelConstraints): the same. RAISES (ValueError): if a value is wrong,
    or two contradict each other."""
    limits = {"max_tails": found.max_tails, "max_heads": found.max_heads}
    for name, limit in limits.items():
        if limit is not None and (type(limit) is not int or limit < 1):
            raise InputError(
                f"{where}.{name} is {limit!r}; expected a whole number from 1, or null."
            )
    for name, value in (("acyclic", found.acyclic), ("transitive", found.transitive)):
        if not isinstance(value, bool):
            raise InputError(f"{where}.{name} is {value!r}; expected true or false.")
    problem = None
    if found.transitive and any(limits.values()):
        problem = "transitive, so implied relations could exceed max_tails or max_heads"
    elif is_symmetric and found.acyclic:
        problem = "symmetric and acyclic, but its two directions form a cycle"
    if problem:
        raise InputError(f"{where} is {problem}. Remove one of them.")
    return found


def _read_pairs(value: Any, where: str) -> Optional[List[TypePair]]:
    if value is None:
        return None
    if isinstance(value, (str, Mapping)) or not isinstance(value, Iterable):
        raise InputError(f"{where}.pairs is {value!r}; {FILE_HELP}")
    pairs = list(value)
    for i, pair in enumerate(pairs):
        is_pair = isinstance(pair, (list, tuple)) and len(pair) == 2
        if not is_pair or not all(isinstance(type_, str) for type_ in pair):
            raise InputError(
                f"{where}.pairs[{i}] is {pair!r}; expected [head type, tail type]."
            )
    return [(head, tail) for head, tail in pairs]


def _read_support(value: Any, source: str) -> Dict[Tuple[str, str, str], int]:
    support: Dict[Tuple[str, str, str], int] = {}
    if not isinstance(value, (list, tuple, type(None))):
        raise InputError(f"{source}: support is {value!r}; expected a list.")
    for i, row in enumerate(value or ()):
        kinds = [type(cell) for cell in row] if isinstance(row, (list, tuple)) else []
        if kinds != [str, str, str, int]:
            raise InputError(
                f"{source}: support[{i}] is {row!r}; expected [head type, label, tail "
                f"type, count]."
            )
        head, label, tail, n = row
        support[(head, label, tail)] = n
    return support
