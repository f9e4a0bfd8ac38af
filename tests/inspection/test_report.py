"""What an inspection counts, on documents small enough to count by hand."""

import json
from typing import Any, Dict, List

import pytest
from spacy.tokens import Doc, Span, SpanGroup
from spacy.training import Example
from spacy.util import load_config

from rel_component import Relation, set_relations
from rel_component.inspection.advice_on_settings import MAX_SIZE
from rel_component.inspection.constraints import suggest_schema
from rel_component.inspection.counts import Counts, get_place, merge
from rel_component.inspection.coverage import Setting, list_settings, measure_coverage
from rel_component.inspection.histograms import describe_numbers, fill_bins, name_bins
from rel_component.inspection.report import inspect_splits
from rel_component.inspection.sections import list_tables
from rel_component.model.candidates import PairGenerator
from rel_component.pipe.truth import count_covered, get_gold_candidates, get_truth
from rel_component.relations import SOURCE_KEY, LabelConstraints

from ..paths import CONFIGS
from ..util import make_doc

PERSON_ORG = [(0, 1, "PERSON"), (3, 4, "ORG"), (5, 6, "PERSON")]


@pytest.fixture
def ann(vocab) -> Doc:
    """Ann works for Acme, and Bob knows Ann."""
    relations = [(0, "WORKS_FOR", 1), (2, "KNOWS", 0)]
    return make_doc(vocab, "Ann works for Acme and Bob", PERSON_ORG, relations)


@pytest.fixture
def nested(vocab) -> Doc:
    """`doc.ents` has the outer entities only: 0-4 holds 1-2, 5-6 stands alone, 3-5
    crosses 0-4."""
    keys = [(0, 4, "ORG"), (1, 2, "CITY"), (1, 2, "NAME"), (3, 5, "X"), (5, 6, "CITY")]
    doc = make_doc(vocab, "the Paris art school in Rome", keys, spans_key="entities")
    spans = list(doc.spans["entities"])
    doc.ents = [spans[0], spans[4]]
    relations = [
        Relation(spans[0], "IN", spans[1]),
        Relation(spans[0], "NOT_IN", spans[4]),
    ]
    set_relations(doc, relations)
    return doc


def count_docs(docs):
    counts = Counts()
    for doc in docs:
        counts.add(doc, None)
    return counts


def find(result: Dict[str, Any], **settings: Any) -> Dict[str, Any]:
    wanted = {"spans_key": None, "max_length": None, "max_sentences": None, **settings}
    rows = result["candidates"]
    return next(row for row in rows if {**row, **wanted} == row)


def list_advice(result: Dict[str, Any], about: str) -> List[str]:
    return [x["text"] for x in result["advice"] if x["about"] == about]


def test_documents_and_relations_are_counted(vocab, ann):
    empty = make_doc(vocab, "Nothing here")
    without = make_doc(vocab, "Only Cleo", [(1, 2, "PERSON")], [])
    split = inspect_splits({"train": [ann, empty, without]})["splits"]["train"]
    assert split["documents"] == 3
    assert split["documents_without_annotation"] == 1
    assert split["documents_without_entities"] == 1
    assert split["documents_without_relations"] == 2
    assert split["incomplete_documents"] == 0
    assert split["tokens"] == 10
    assert split["tokens_per_document"]["50%"] == 2
    assert split["tokens_per_document"]["max"] == 6
    assert split["longest_documents"][0]["tokens"] == 6
    assert split["entities"] == 4
    assert split["entity_types"] == {"PERSON": 3, "ORG": 1}
    assert split["relation_labels"] == {"WORKS_FOR": 1, "KNOWS": 1}


def test_labels_are_counted_in_each_split(vocab, ann):
    result = inspect_splits({"dev": [ann], "train": [ann, ann]})
    assert result["train"] == "train"
    label = result["labels"]["WORKS_FOR"]
    assert label["splits"] == {"dev": 1, "train": 2}
    assert (label["relations"], label["share"], label["type_pairs"]) == (3, 0.5, 1)
    assert label["forward"] == 3 and result["labels"]["KNOWS"]["forward"] == 0
    assert label["distance"]["max"] == 3 and label["distance"]["mean"] == 3


def test_overlapping_entities_are_counted(nested):
    nested.spans["entities"].append(Span(nested, 5, 6, label="CITY"))
    result = inspect_splits({"train": [nested]})
    split = result["splits"]["train"]
    assert split["entities"] == 5
    assert split["entities_not_in_doc_ents"] == 3
    assert split["nested_entities"] == 2  # CITY and NAME in ORG
    assert split["same_span_entities"] == 2
    assert split["crossing_entities"] == 2
    assert split["repeated_entities"] == 1
    assert "'the Paris art school' and 'school in'" in split["places"]["crossing"][0]
    assert "twice with the same type" in " ".join(list_advice(result, "repeated"))


def test_entities_may_stand_in_doc_ents_only(ann):
    result = inspect_splits({"train": [ann]})
    assert result["spans_key"] is None
    assert {row["spans_key"] for row in result["candidates"]} == {None}


def test_another_group_of_spans_is_named(vocab):
    doc = make_doc(vocab, 4, PERSON_ORG[:2], [(0, "L", 1)], spans_key="sc")
    result = inspect_splits({"train": [doc]})
    assert result["other_spans_keys"] == ["sc"]
    assert "--spans-key sc" in list_advice(result, "spans_key")[0]
    assert result["splits"]["train"]["relations_without_entities"] == 1
    assert inspect_splits({"train": [doc]}, spans_key="sc")["spans_key"] == "sc"


def test_relations_lost_without_the_span_group(nested):
    result = inspect_splits({"train": [nested]})
    in_ents, in_group = find(result), find(result, spans_key="entities")
    assert (in_ents["candidates"], in_ents["lost"]) == (2, 1)
    assert in_ents["lost_labels"] == {"IN": 1}
    assert (in_group["candidates"], in_group["lost"], in_group["positive"]) == (
        20,
        0,
        2,
    )
    assert in_group["positive_share"] == 0.1
    (text,) = list_advice(result, "spans_key")
    assert text.startswith('Use spans_key = "entities" in [components.relation_extr')
    assert "60 % of the entities" in text and "50 % of the relations" in text


@pytest.mark.parametrize("length, is_long", [(16, False), (17, True)])
def test_entities_longer_than_the_spans_configs_find(vocab, length, is_long):
    keys = [(0, length, "WORK"), (1, 2, "CITY")]
    doc = make_doc(vocab, 20, keys, [(0, "IN", 1)], spans_key="entities")
    found = list_advice(inspect_splits({"train": [doc]}), "max_size")
    assert bool(found) == is_long
    if is_long:
        assert "1 of 2 entities has more than 16 tokens" in found[0]
        assert "The longest has 17." in found[0]


def test_max_size_of_the_configs():
    for path in CONFIGS.glob("joint_spans_*.cfg"):
        suggester = load_config(path)["components"]["spancat"]["suggester"]
        assert suggester["max_size"] == MAX_SIZE


def test_entities_that_no_relation_needs(nested):
    spans = list(nested.spans["entities"])
    set_relations(nested, [Relation(spans[0], "NOT_IN", spans[4])])
    result = inspect_splits({"train": [nested]})
    (text,) = list_advice(result, "spans_key")
    assert "keep spans_key null" in text


def test_relations_lost_by_distance(vocab):
    ents = [(0, 1, "A"), (10, 11, "B"), (30, 31, "B"), (90, 91, "B"), (200, 201, "B")]
    relations = [(0, "NEAR", 1), (0, "NEAR", 2), (3, "FAR", 0), (0, "FAR", 4)]
    result = inspect_splits({"train": [make_doc(vocab, 210, ents, relations)]})
    lost = {n: find(result, max_length=n)["lost"] for n in (10, 20, 50, 100, None)}
    assert lost == {10: 3, 20: 3, 50: 2, 100: 1, None: 0}
    assert find(result, max_length=20)["lost_labels"] == {"FAR": 2, "NEAR": 1}
    assert find(result, max_length=20)["candidates"] == 4
    assert find(result)["candidates"] == 20
    histogram = result["distances"]
    assert histogram["bins"][-2:] == ["51–100", "over 100"]
    assert histogram["all"]["starts"] == [0, 0, 1, 0, 1, 1, 1]
    assert histogram["labels"]["NEAR"]["starts"] == [0, 0, 1, 0, 1, 0, 0]
    assert histogram["all"]["max"] == 200
    (text,) = list_advice(result, "max_length")
    assert text.startswith("max_length = 100 would lose 25 % of the relations (50 % of")
    assert text.endswith("keep it null.")


def test_a_distance_that_saves_much_and_loses_nothing(vocab):
    ents = [(i, i + 1, "A") for i in range(0, 300, 30)]
    doc = make_doc(vocab, 300, ents, [(0, "L", 1)])
    (text,) = list_advice(inspect_splits({"train": [doc]}), "max_length")
    # 18 of 90 pairs are neighbours; 20 tokens reach none
    assert text.startswith("max_length = 50 in [components")
    assert "keeps 20 % of the candidate pairs and loses 0 %" in text
    assert "max_length = 20 would lose 100 %" in text


def test_tokens_between_overlapping_entities_are_none(nested):
    between = inspect_splits({"train": [nested]})["distances"]["all"]["between"]
    # inside the other: 0; from 4 to 5: 1
    assert between == [2, 0, 0, 0, 0, 0, 0]
    assert count_docs([nested]).gaps == {("IN", 0): 1, ("NOT_IN", 1): 1}


def test_sentences_are_compared_where_they_are_known(vocab):
    ents = [(0, 1, "A"), (2, 3, "B"), (6, 7, "B")]
    doc = make_doc(vocab, 8, ents, [(0, "L", 1), (0, "L", 2)])
    unknown = inspect_splits({"train": [doc]})
    assert unknown["distances"]["all"]["sentences"] is None
    assert not any(row["max_sentences"] is not None for row in unknown["candidates"])
    assert "--sentencizer" in list_advice(unknown, "max_sentences")[0]
    for token in doc:
        token.is_sent_start = token.i in (0, 3, 5)
    known = inspect_splits({"train": [doc]})
    assert known["splits"]["train"]["documents_without_sentences"] == 0
    assert known["distances"]["sentence_bins"] == ["0", "1", "2", "over 2"]
    assert known["distances"]["all"]["sentences"] == [1, 0, 1, 0]
    lost = {n: find(known, max_sentences=n)["lost"] for n in (0, 1, 2)}
    assert lost == {0: 1, 1: 1, 2: 0}


def test_documents_without_sentences_are_left_out_of_windows(vocab):
    docs = [make_doc(vocab, 4, PERSON_ORG[:2], [(0, "L", 1)]) for _ in range(3)]
    docs[0][2].is_sent_start = True
    rows = measure_coverage(docs, list_settings(None))
    window = rows[Setting(max_sentences=0)]
    assert (window.documents, window.lost) == (1, {"L": 1})
    assert rows[Setting()].documents == 3


def test_coverage_agrees_with_training(vocab, ann, nested):
    far = make_doc(vocab, 80, [(0, 1, "A"), (70, 72, "B")], [(0, "L", 1), (1, "M", 0)])
    docs = [ann, nested, far]
    examples = [Example(doc, doc) for doc in docs]
    for setting, found in measure_coverage(docs, list_settings("entities")).items():
        if setting.max_sentences is not None:
            continue
        candidates = get_gold_candidates(PairGenerator(**setting._asdict()), examples)
        truth = get_truth(examples, candidates, ["L"])
        n_gold, n_covered, _ = count_covered(examples, truth, frozenset())
        assert found.candidates == len(candidates)
        assert sum(found.relations.values()) == n_gold == 6
        assert sum(found.lost.values()) == n_gold - n_covered


def test_unlisted_pairs_of_incomplete_documents_are_unknown(vocab):
    doc = make_doc(
        vocab, 8, PERSON_ORG, [(0, "L", 1)], complete=False, negatives=[(1, 2)]
    )
    result = inspect_splits({"train": [doc]})
    row = find(result)
    assert (row["candidates"], row["unknown"], row["positive"]) == (6, 4, 1)
    assert row["positive_share"] == 0.5
    assert result["splits"]["train"]["incomplete_documents"] == 1
    assert "ignored in training and evaluation" in list_advice(result, "incomplete")[0]


def test_documents_without_annotation_count_as_negatives(vocab, ann):
    doc = make_doc(vocab, "Ann and Bob", [(0, 1, "PERSON"), (2, 3, "PERSON")])
    result = inspect_splits({"train": [ann, doc]})
    row = find(result)
    assert (row["candidates"], row["unknown"], row["positive_share"]) == (8, 0, 0.25)
    (text,) = list_advice(result, "annotation")
    assert "1 of 2 documents has no relation data" in text


def test_self_relations_are_lost_and_named(vocab):
    doc = make_doc(vocab, 4, PERSON_ORG[:2], [(0, "L", 0), (0, "L", 1)])
    doc.user_data[SOURCE_KEY] = {"file": "a.jsonl", "line": 7}
    result = inspect_splits({"train": [doc]})
    assert result["splits"]["train"]["self_relations"] == 1
    assert find(result)["lost"] == 1
    (text,) = list_advice(result, "self")
    assert "1 relation goes from an entity to itself" in text and "(a.jsonl:7)" in text


def test_symmetric_labels_are_found(vocab):
    ents = [(i, i + 1, "A") for i in range(12)]
    pairs = [(i, i + 1) for i in range(0, 12, 2)]
    both = [(h, "MARRIED", t) for h, t in pairs] + [(t, "MARRIED", h) for h, t in pairs]
    some = [(h, "SEES", t) for h, t in pairs] + [(t, "SEES", h) for h, t in pairs[:3]]
    result = inspect_splits({"train": [make_doc(vocab, 12, ents, both + some)]})
    assert result["labels"]["MARRIED"]["both_ways"] == 12
    assert result["labels"]["SEES"]["both_ways"] == 6
    first, second = list_advice(result, "symmetric")
    assert first.startswith('Add symmetric = ["MARRIED"] in [initialize.components.')
    assert second.startswith("67 % of the relations SEES")
    split = result["splits"]["train"]
    assert split["related_pairs"] == 12
    assert split["pairs_with_several_labels"] == 9
    assert split["label_sets"] == [[["MARRIED", "SEES"], 9]]
    assert "9 of 12 related pairs have" in list_advice(result, "single_label")[0]


def test_one_label_to_a_pair(ann, vocab):
    (text,) = list_advice(inspect_splits({"train": [ann]}), "single_label")
    assert "single_label = true in [components.relation_extractor]" in text
    doc = make_doc(vocab, 4, PERSON_ORG[:2], [(0, "L", 1)])
    assert not list_advice(inspect_splits({"train": [doc]}), "single_label")


def test_rare_and_missing_labels(vocab):
    ents = [(0, 1, "A"), (1, 2, "B"), (2, 3, "C")]
    train = [make_doc(vocab, 3, ents, [(0, "OFTEN", 1)]) for _ in range(5)]
    train.append(make_doc(vocab, 3, ents, [(0, "RARE", 2)]))
    dev = [make_doc(vocab, 3, ents, [(0, "NEW", 1), (0, "OFTEN", 2)])]
    result = inspect_splits({"train": train, "dev": dev})
    unseen, few, absent = list_advice(result, "labels")
    assert unseen.startswith("train has no relation NEW:")
    assert few.startswith("train has fewer than 5 examples of RARE (1): annotate more")
    assert "--map-label RARE=OTHER" in few
    assert absent.startswith("dev has no relation RARE, so")
    assert "each accounts for 50 % of recall" in list_advice(result, "size")[0]


def test_a_split_without_relations_is_named(ann, vocab):
    dev = [make_doc(vocab, 2, [(0, 1, "A")], [])]
    result = inspect_splits({"train": [ann], "dev": dev})
    assert list_advice(result, "size") == [
        "dev contains no relations: nothing can be scored."
    ]
    assert "dev" not in " ".join(list_advice(result, "labels"))


def test_schema_of_train_is_applied_to_dev(vocab):
    ents = [(0, 1, "A"), (1, 2, "B"), (2, 3, "C"), (3, 4, "C")]
    train = [make_doc(vocab, 4, ents, [(0, "L", 1)])]
    dev = [make_doc(vocab, 4, ents, [(0, "L", 1), (0, "L", 2), (0, "L", 3)])]
    schema = inspect_splits({"train": train, "dev": dev})["schema"]
    assert (schema["candidates"], schema["allowed"]) == (24, 2)
    assert (schema["splits"]["dev"]["relations"], schema["splits"]["dev"]["lost"]) == (
        3,
        2,
    )
    assert schema["splits"]["dev"]["type_pairs"] == [["A", "L", "C", 2]]
    (text,) = list_advice(inspect_splits({"train": train, "dev": dev}), "learn_schema")
    assert "keeps 8.3 % of the candidate pairs" in text
    assert "loses 67 % of the relations of dev" in text and "(A L C)" in text
    assert text.endswith("keep it false.")


def test_rare_type_pairs_are_flagged_with_their_place(vocab):
    ents = [(i, i + 1, "A") for i in range(60)] + [(60, 61, "B")]
    often = make_doc(vocab, 61, ents, [(0, "L", i) for i in range(1, 60)])
    once = make_doc(vocab, 61, ents, [(0, "L", 60)])
    once.user_data[SOURCE_KEY] = {"file": "b.json", "index": 3}
    result = inspect_splits({"train": [often, once]})
    rows = {(row["head"], row["tail"]): row for row in result["type_pairs"]}
    assert rows[("A", "A")]["relations"] == 59 and not rows[("A", "A")]["rare"]
    assert rows[("A", "B")]["rare"] and rows[("A", "B")]["places"] == ["b.json [3]"]
    (text,) = list_advice(result, "type pairs")
    assert text.startswith("1 combination of types is rare")
    assert text.endswith(": A L B in b.json [3].")


def test_one_label_for_most_relations(vocab):
    ents = [(i, i + 1, "A") for i in range(6)]
    relations = [(0, "BIG", i) for i in range(1, 6)] + [(1, "SMALL", 0)]
    result = inspect_splits({"train": [make_doc(vocab, 6, ents, relations)]})
    assert list_advice(result, "imbalance")[0].startswith(
        "83 % of all relations are BIG"
    )


def test_result_is_plain_data_and_the_same_again(ann, nested):
    splits = {"train": [ann, nested], "dev": [ann]}
    result = inspect_splits(splits)
    assert json.loads(json.dumps(result)) == result
    assert inspect_splits(splits) == result


def test_batches_make_no_difference(monkeypatch, ann, nested):
    docs = [ann, nested, ann, nested, ann]
    at_once = inspect_splits({"train": docs})
    monkeypatch.setattr("rel_component.inspection.report.BATCH_SIZE", 2)
    assert inspect_splits({"train": iter(docs)}) == at_once


def test_merging_leaves_the_parts_alone(ann, nested):
    parts = [count_docs([ann]), count_docs([nested])]
    total = merge(parts)
    assert total == count_docs([ann, nested])
    assert parts[0] == count_docs([ann])


def test_empty_splits_and_documents(vocab):
    result = inspect_splits({"train": [], "dev": [Doc(vocab)]})
    assert result["splits"]["train"]["documents"] == 0
    assert result["splits"]["dev"]["tokens"] == 0
    assert list_tables(result)


@pytest.mark.parametrize("splits, similarity", [({}, 0.7), ({"a": []}, 0.2)])
def test_arguments_out_of_range(splits, similarity):
    with pytest.raises(ValueError, match=r"No data to inspect|expected a number"):
        inspect_splits(splits, similarity=similarity)


def test_place_of_a_document(vocab):
    doc = make_doc(vocab, "some words\n that begin it")
    assert get_place(doc) == "'some words that begin it'"
    for source, place in (
        ({"file": "a.jsonl", "line": 3, "id": "x"}, "a.jsonl:3"),
        ({"file": "a.json", "line": None, "index": 0}, "a.json [0]"),
        ({"file": "dir/a.ann", "id": "a"}, "dir/a.ann"),
        ({"file": "a.xml", "id": "77"}, "a.xml (77)"),
    ):
        doc.user_data[SOURCE_KEY] = source
        assert get_place(doc) == place


def test_tables_are_cut_and_say_so(ann):
    result = inspect_splits({"train": [ann], "dev": [ann]})
    tables = {table.title: table for table in list_tables(result)}
    assert tables["Relations"].header[:3] == ["label", "train", "dev"]
    assert tables["Relations"].rows[0][:4] == ["WORKS_FOR", "1", "1", "50 %"]
    assert all(
        len(row) == len(table.header) == len(table.aligns)
        for table in tables.values()
        for row in table.rows
    )
    for table in tables.values():
        assert all(table.header)
        cut = table.cut(1)
        assert len(cut.rows) == 1
        more = len(table.rows) - 1
        assert (f"... and {more} more" in cut.note) == bool(more)


def test_table_of_settings_does_not_repeat_the_same_entities(vocab, nested):
    doc = make_doc(vocab, 4, PERSON_ORG[:2], [(0, "L", 1)])
    doc.spans["entities"] = SpanGroup(doc, name="entities", spans=list(doc.ents))
    for docs, sources in (
        ([doc], {"doc.ents"}),
        ([nested], {"doc.ents", "doc.spans['entities']"}),
    ):
        tables = list_tables(inspect_splits({"train": docs}))
        (table,) = [x for x in tables if x.title == "Candidate settings"]
        assert {row[0] for row in table.rows} == sources


def test_histograms():
    assert name_bins((0, 1, 5, None)) == ["0", "1", "2–5", "over 5"]
    assert fill_bins({0: 2, 2: 1, 5: 1, 6: 3}, (0, 1, 5, None)) == [2, 0, 2, 3]
    found = describe_numbers({1: 1, 3: 2, 10: 1})
    assert found == {
        "mean": 4.25,
        "min": 1,
        "25%": 1,
        "50%": 3,
        "75%": 3,
        "95%": 10,
        "max": 10,
    }
    assert describe_numbers({}) == {}


def test_constraints_are_counted(vocab, ann):
    """Of two works-for, both heads have one tail, and one could have had two. What is
    annotated incompletely does not count."""
    text, ents = (
        "Ann Bob Acme Bolt",
        [(0, 1, "P"), (1, 2, "P"), (2, 3, "O"), (3, 4, "O")],
    )
    docs = [
        make_doc(vocab, text, ents, [(0, "W", 2), (1, "W", 2)]),
        make_doc(vocab, text, ents[:3], [(0, "W", 2)]),
        make_doc(vocab, text, ents, [(0, "W", 2), (0, "W", 3)], complete=False),
    ]
    rows = inspect_splits({"train": docs, "dev": [ann]})["constraints"]
    one = {"all": 0, "kept": 0}
    assert [(row["constraint"], row["open"], row["splits"]) for row in rows] == [
        ("max_tails", 2, {"train": {"all": 3, "kept": 3}, "dev": one}),
        ("max_heads", 2, {"train": {"all": 2, "kept": 1}, "dev": one}),
    ]
    assert not any(row["suggested"] for row in rows)


def test_no_schema_with_constraints_that_contradict_each_other(vocab):
    ents = [(i, i + 1, "P") for i in range(3)]
    links = [(0, "IN", 1), (1, "IN", 2), (0, "IN", 2)]
    docs = [make_doc(vocab, 3, ents, links if i else links[:1]) for i in range(24)]
    schema = suggest_schema(inspect_splits({"train": docs}))
    assert schema.constraints == {"IN": LabelConstraints(acyclic=True, transitive=True)}
    result = inspect_splits({"train": docs}, min_share=0.4)
    constraints = suggest_schema(result).constraints["IN"]
    assert constraints == LabelConstraints(1, 1, acyclic=True)
