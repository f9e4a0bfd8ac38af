"""Advice on settings of the config."""

from collections import Counter
from typing import Iterator, Sequence

from ..wording import agree, join_names, list_some, of_all, percent, plural, quote
from .constraints import CASES
from .found import (
    GENERATOR,
    INITIALIZE,
    N_EXAMPLES,
    PIPE,
    Advice,
    Result,
    add_up,
    choose_source,
    find_setting,
)

# maximum share of relations a setting may lose, and share of pairs it may keep
LOSS, SAVING = 0.01, 0.7
# maximum share of relations that may be lost in any case
MUCH = 0.05
# share of a label's relations in both directions from which it's symmetric
BOTH_WAYS = 0.9
# max_size of configs/joint_spans_*.cfg: tokens of the longest entity they find
MAX_SIZE = 16


def _check_spans_key(result: Result) -> Iterator[Advice]:
    total = add_up(result, "entities", "entities_not_in_doc_ents")
    key, n_outside = result["spans_key"], total["entities_not_in_doc_ents"]
    if key is None and result["other_spans_keys"]:
        yield Advice(
            "info",
            "spans_key",
            "Only doc.ents was inspected, but documents also have entities in "
            f"doc.spans: set --spans-key {' or '.join(result['other_spans_keys'])}.",
        )
    if n_outside:
        share = percent(n_outside / total["entities"])
        in_ents, in_group = find_setting(result, None), find_setting(result, key)
        if in_group["lost"] < in_ents["lost"]:
            lost = percent((in_ents["lost"] - in_group["lost"]) / in_ents["relations"])
            yield Advice(
                "warn",
                "spans_key",
                f"Use spans_key = {quote(key)} in {GENERATOR}: {share} of the "
                f"entities are in doc.spans only, not in doc.ents; without them {lost} "
                f"of the relations would be lost. configs/joint_spans_*.cfg have this "
                f"setting, and learn to find such entities.",
            )
            yield from _check_entity_lengths(result)
        else:
            yield Advice(
                "info",
                "spans_key",
                f"{share} of the entities are in doc.spans[{key!r}] only, and no "
                "relation uses them: keep spans_key null.",
            )


def _check_entity_lengths(result: Result) -> Iterator[Advice]:
    lengths: Counter[int] = Counter()
    for split in result["splits"].values():
        lengths.update(dict(split["entities_by_tokens"]))
    n_long = sum(n for length, n in lengths.items() if length > MAX_SIZE)
    if n_long:
        yield Advice(
            "warn",
            "max_size",
            f"{n_long} of {plural(sum(lengths.values()), 'entity', 'entities')} "
            f"{agree(n_long, 'has', 'have')} more than {MAX_SIZE} tokens, which "
            "configs/joint_spans_*.cfg don't find: increase max_size in "
            f"[components.spancat.suggester]. The longest has {max(lengths)}.",
        )


def _check_symmetry(result: Result) -> Iterator[Advice]:
    labels = result["labels"]
    shares = {x: row["both_ways"] / row["relations"] for x, row in labels.items()}
    often = {x: s for x, s in shares.items() if labels[x]["both_ways"] >= N_EXAMPLES}
    symmetric = [label for label, share in often.items() if share >= BOTH_WAYS]
    if symmetric:
        yield Advice(
            "info",
            "symmetric",
            f"Add symmetric = [{', '.join(map(quote, symmetric))}] in {INITIALIZE}: "
            f"nearly all relations with {agree(len(symmetric), 'this label', 'these')} "
            f"exist in both directions, so each can be learned and scored once.",
        )
    for label, share in often.items():
        if 0.1 <= share < BOTH_WAYS:
            yield Advice(
                "info",
                "symmetric",
                f"{percent(share)} of the relations {label} exist in both directions. "
                "If the label has no direction, annotate all in both (with "
                f"--symmetric {label} of scripts/convert.py) and add symmetric = "
                f"[{quote(label)}] in {INITIALIZE}; otherwise, check these.",
            )


def _check_single_label(result: Result) -> Iterator[Advice]:
    several = add_up(result, "related_pairs", "pairs_with_several_labels")
    n = several["pairs_with_several_labels"]
    if len(result["labels"]) > 1 and not n:
        yield Advice(
            "info",
            "single_label",
            f"No pair has multiple labels: single_label = true in {PIPE} keeps only "
            "the best one.",
        )
    elif n:
        yield Advice(
            "info",
            "single_label",
            f"{of_all(n, several['related_pairs'], 'related pair')} "
            f"{agree(n, 'has', 'have')} multiple labels: keep single_label = false.",
        )


def _check_limits(result: Result) -> Iterator[Advice]:
    key = choose_source(result)
    everything = find_setting(result, key)
    # without candidates, or if all relations are lost, there is nothing to limit
    if not everything["candidates"] or everything["lost"] == everything["relations"]:
        return
    rows = [r for r in result["candidates"] if r["spans_key"] == key]
    lengths = [row for row in rows if row["max_length"] is not None]
    yield from _advise_limit("max_length", lengths, everything, result)
    n_unknown = add_up(result, "documents_without_sentences")
    n = n_unknown["documents_without_sentences"]
    if n:
        yield Advice(
            "info",
            "max_sentences",
            f"{of_all(n, add_up(result, 'documents')['documents'], 'document')} "
            f"{agree(n, 'has', 'have')} no sentence boundaries, so max_sentences "
            "can't be evaluated; use --sentencizer to set them for this inspection.",
        )
    else:
        windows = [row for row in rows if row["max_sentences"] is not None]
        yield from _advise_limit("max_sentences", windows, everything, result)


def _advise_limit(
    name: str, rows: Sequence[Result], everything: Result, result: Result
) -> Iterator[Advice]:
    """Advise on limits, from the widest to the tightest."""
    losses = [(row["lost"] - everything["lost"]) / row["relations"] for row in rows]
    shares = [row["candidates"] / everything["candidates"] for row in rows]
    good = [i for i, loss in enumerate(losses) if loss <= LOSS and shares[i] <= SAVING]
    bad = [i for i, loss in enumerate(losses) if loss > LOSS]
    parts = []
    if good:
        best = good[-1]
        parts.append(
            f"{name} = {rows[best][name]} in {GENERATOR} keeps "
            f"{percent(shares[best])} of the candidate pairs and loses "
            f"{percent(losses[best])} of the relations"
        )
    if bad:
        row = rows[bad[0]]
        labels = result["labels"]
        worst = max(
            row["lost_labels"],
            key=lambda x: row["lost_labels"][x] / labels[x]["relations"],
        )
        share = percent(row["lost_labels"][worst] / labels[worst]["relations"])
        text = f"{name} = {row[name]} would lose {percent(losses[bad[0]])}"
        text += "" if good else " of the relations"
        text += f" ({share} of {worst})" if len(labels) > 1 else ""
        parts.append(text if good else f"{text}; keep it null")
    if parts:
        yield Advice("info", name, f"{'; '.join(parts)}.")


def _check_schema(result: Result) -> Iterator[Advice]:
    schema, splits = result["schema"], result["schema"]["splits"]
    if not schema["allowed_share"] or schema["allowed_share"] > SAVING:
        return
    n_relations = sum(row["relations"] for row in splits.values())
    n_lost = sum(row["lost"] for row in splits.values())
    left = (
        f"learn_schema = true in {INITIALIZE} keeps "
        f"{percent(schema['allowed_share'])} of the candidate pairs"
    )
    names = join_names(splits)
    if not n_relations:
        yield Advice("info", "learn_schema", f"{left}.")
    elif not n_lost:
        text = f"{left} and loses no relation of {names}."
        yield Advice("info", "learn_schema", text)
    else:
        kinds = [key for row in splits.values() for key in row["type_pairs"]]
        some = list_some([f"{h} {label} {t}" for h, label, t, _ in kinds], 3)
        share = n_lost / n_relations
        leave = "" if share <= MUCH else "; keep it false"
        yield Advice(
            "info",
            "learn_schema",
            f"{left}, but loses {percent(share)} of the relations of {names}, whose "
            f"types are not in {result['train']} ({some}){leave}.",
        )


def _check_constraints(result: Result) -> Iterator[Advice]:
    train, some = result["train"], []
    for row in result["constraints"]:
        if row["suggested"]:
            name, own = row["constraint"], row["splits"][train]
            shown = f"{name} = 1" if name.startswith("max") else name
            cases = f"{own['kept']:,} of {own['all']:,} {CASES[name]}"
            some.append(f"{row['label']} {shown} ({cases})")
    if some:
        yield Advice(
            "info",
            "constraints",
            f"{agree(len(some), 'A constraint holds', 'Constraints hold')} in {train}: "
            f"{list_some(some, 3)}. --schema of scripts/inspect_data.py writes a "
            f"schema with {agree(len(some), 'it', 'them')}, for schema_path in "
            f"{INITIALIZE}.",
        )


RULES = (
    _check_spans_key,
    _check_symmetry,
    _check_single_label,
    _check_limits,
    _check_schema,
    _check_constraints,
)
