"""Look up results of an inspection."""

from typing import Any, Dict, List, NamedTuple, Optional

GENERATOR = "[components.relation_extractor.model.get_instances]"
PIPE = "[components.relation_extractor]"
INITIALIZE = "[initialize.components.relation_extractor]"
# minimum examples to learn a label
N_EXAMPLES = 5

Result = Dict[str, Any]


class Advice(NamedTuple):
    """One sentence of advice.

    level (str): `warn` for likely problems, `info` for possible improvements.
    about (str): the topic, e.g. the name of a setting.
    text (str): the sentence.
    """

    level: str
    about: str
    text: str


def choose_source(result: Result) -> Optional[str]:
    """RETURNS (Optional[str]): the `spans_key` that loses fewer relations."""
    key = result["spans_key"]
    in_ents, in_group = (find_setting(result, k)["lost"] for k in (None, key))
    return key if in_group < in_ents else None


def find_setting(
    result: Result,
    spans_key: Optional[str],
    max_length: Optional[int] = None,
    max_sentences: Optional[int] = None,
) -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): the row of `candidates` with these settings."""
    wanted = (spans_key, max_length, max_sentences)
    names = ("spans_key", "max_length", "max_sentences")
    rows = result["candidates"]
    return next(row for row in rows if tuple(row[name] for name in names) == wanted)


def add_up(result: Result, *names: str) -> Dict[str, int]:
    """RETURNS (Dict[str, int]): the sums of these numbers over all splits."""
    splits = result["splits"].values()
    return {name: sum(split[name] for split in splits) for name in names}


def count_types(result: Result) -> Dict[str, Dict[str, int]]:
    """RETURNS (Dict[str, Dict[str, int]]): entities of each split by type, the most
    frequent first."""
    counts: Dict[str, Dict[str, int]] = {}
    for name, split in result["splits"].items():
        for type_, n in split["entity_types"].items():
            row = counts.setdefault(type_, dict.fromkeys(result["splits"], 0))
            row[name] = n
    return dict(sorted(counts.items(), key=lambda item: -sum(item[1].values())))


def list_end_types(result: Result) -> List[str]:
    """RETURNS (List[str]): types of heads and tails, the most frequent first."""
    counts: Dict[str, int] = {}
    for row in result["type_pairs"]:
        for type_ in (row["head"], row["tail"]):
            counts[type_] = counts.get(type_, 0) + row["relations"]
    return sorted(counts, key=lambda type_: (-counts[type_], type_))
