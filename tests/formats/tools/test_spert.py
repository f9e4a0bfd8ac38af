import copy
import json
import math

import pytest
import spacy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rel_component import get_relations
from rel_component.formats import FORMATS, Options, Report, find_format
from rel_component.formats.to_doc import to_docs
from rel_component.formats.tools.spert import read
from rel_component.relations import get_relation_data
from tests.paths import ASSETS, DATA

from ..mutate import how_many

DATA = DATA / "spert"
CONLL04 = ASSETS / "conll04"
NLP = spacy.blank("en")
SAMPLE = json.loads((DATA / "small_train.json").read_text())


def convert(path, **options):
    report = Report()
    options = Options(**options)
    docs = list(
        to_docs(read(path, options, report), options, report, tokenizer=NLP.tokenizer)
    )
    assert not report.unaccounted()
    return docs, report


def relations(doc):
    return {(r.head.text, r.label, r.tail.text) for r in get_relations(doc)}


def test_reads_sentences_with_their_own_tokens():
    docs, report = convert(DATA / "small_train.json")
    assert report.problems == []
    assert [[token.text for token in doc] for doc in docs] == [
        sentence["tokens"] for sentence in SAMPLE
    ]
    assert [(ent.text, ent.label_) for ent in docs[0].ents] == [
        ("Marie Curie", "Peop"),
        ("Paris", "Loc"),
        ("Pierre Curie", "Peop"),
    ]
    assert relations(docs[1]) == {("Berlin", "Located_In", "Germany")}
    assert docs[0].user_data["rel_component_source"]["id"] == "7"


def test_symmetric_labels_of_the_types_file(tmp_path):
    docs, report = convert(DATA / "small_train.json")
    both = {("Marie Curie", "Married", "Pierre Curie")}
    both |= {(tail, label, head) for head, label, tail in both}
    assert relations(docs[0]) == {("Marie Curie", "Live_In", "Paris"), *both}
    assert report.notes["symmetric labels of small_types.json"] == 1

    path = tmp_path / "small_train.json"
    path.write_text(json.dumps(SAMPLE))
    docs, _ = convert(path)
    assert len(relations(docs[0])) == 2


@pytest.mark.parametrize(
    "types, found",
    [
        ("", "the file is empty"),
        ("{", "not JSON"),
        ("[]", "the types: found [], expected an object"),
        ("{}", "relations: missing"),
        ('{"relations": {"Married": 1}}', "relations.Married: found 1"),
        ('{"relations": {"Married": {"symmetric": "no"}}}', ".symmetric: found 'no'"),
    ],
)
def test_invalid_types_file(types, found, tmp_path):
    (tmp_path / "x.json").write_text(json.dumps(SAMPLE))
    (tmp_path / "types.json").write_text(types)
    docs, report = convert(tmp_path / "x.json")
    assert len(docs) == 3
    assert len(report.problems) == 1
    assert report.problems[0].startswith(f"{tmp_path}/types.json")
    assert found in report.problems[0]


def test_types_file_from_another_folder(tmp_path):
    path = tmp_path / "x.json"
    path.write_text(json.dumps(SAMPLE))
    (tmp_path / "types.json").write_text("is not read")
    docs, report = convert(path, types=DATA / "small_types.json")
    assert report.problems == []
    assert ("Pierre Curie", "Married", "Marie Curie") in relations(docs[0])
    _, report = convert(path, types=tmp_path / "nothing.json")
    assert f"{tmp_path}/nothing.json: can't be read" in report.problems[0]


def test_a_sentence_without_relations_is_not_complete(tmp_path):
    path = tmp_path / "x.json"
    sentence = {"tokens": ["a"], "entities": [], "orig_id": 7}
    path.write_text(json.dumps([sentence, {**sentence, "relations": []}]))
    docs, report = convert(path)
    assert len(docs) == 1
    assert report.problems[0].startswith(f"{path} doc 0 (id 7, relations): missing")
    docs, report = convert(path, entities_only=True)
    assert report.problems == []
    assert [get_relation_data(doc).complete for doc in docs] == [False, True]


def test_every_bad_item_is_named():
    docs, report = convert(DATA / "bad_items.json")
    file = DATA / "bad_items.json"
    fits = "expected 0 <= start < end <= 4, end being the token after the last one"
    assert [problem.partition("; ")[0] for problem in report.problems] == [
        f"{file} doc 0 (entities[1]): found tokens 3 to 3, {fits}",
        f"{file} doc 0 (entities[2]): found tokens 2 to 5, {fits}",
        f"{file} doc 0 (entities[3].start): found '0', expected a whole number",
        f"{file} doc 0 (entities[4].type): missing, expected a string (found the "
        f"fields 'start', 'end')",
        f"{file} doc 0 (entities[5]): found tokens -1 to 2, {fits}",
        f"{file} doc 0 (relations[0].tail): 1 was not converted, see entities[1]",
        f"{file} doc 0 (relations[1].tail): 9 is not an entity of this sentence, "
        f"expected one of 0",
        f"{file} doc 0 (relations[2].head): -1 is not an entity of this sentence, "
        f"expected one of 0",
        f"{file} doc 0 (relations[3].head): found true, expected a whole number",
        f"{file} doc 0 (relations[4].type): found null, expected a string",
        f"{file} doc 0 (relations[5].tail): missing, expected a whole number (found "
        f"the fields 'type', 'head')",
        f"{file} doc 0 (relations[6]): found 5, expected an object",
        f"{file} doc 1 (tokens[1]): found '', expected a word",
        f"{file} doc 2 (tokens): found an empty list, expected words",
        f"{file} doc 3 (tokens): found 'a b', expected a list",
        f'{file} doc 4 (the sentence): found ["a", "b"], expected an object',
        f"{file} doc 5 (the sentence): found 'a b', expected an object",
        f"{file} doc 6 (relations): found 7, expected a list",
        f"{file} doc 7 (entities): missing, expected a list (found the fields "
        f"'tokens')",
    ]
    assert len(docs) == 1
    assert relations(docs[0]) == {("Marie Curie", "Knows", "Marie Curie")}


def test_nested_and_repeated_entities_are_kept(tmp_path):
    sentence = {
        "tokens": ["University", "of", "Paris"],
        "entities": [
            {"type": "Org", "start": 0, "end": 3},
            {"type": "Loc", "start": 2, "end": 3},
            {"type": "Loc", "start": 2, "end": 3},
        ],
        "relations": [
            {"type": "In", "head": 0, "tail": 1},
            {"type": "In", "head": 0, "tail": 2},
        ],
    }
    path = tmp_path / "x.json"
    path.write_text(json.dumps([sentence]))
    docs, report = convert(path)
    assert len(docs[0].spans["entities"]) == 2
    for kind in ("entities", "relations"):
        assert report.n_merged[kind] == {"exact duplicates": 1}


def test_is_recognised():
    for name in ("small_train.json", "bad_items.json"):
        assert find_format(DATA / name) is FORMATS["spert"]


VALUES = st.sampled_from(
    [None, True, -1, 0, 1, 10**30, 0.5, math.nan, "", " ", "Paris", "[]", "{}", "[1]"]
) | st.text(max_size=3)


def places(value, path=()):
    """Where something can be replaced."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, child in items:
        yield (*path, key)
        if isinstance(child, (dict, list)):
            yield from places(child, (*path, key))


@settings(
    max_examples=how_many(150),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_mutated_files_never_give_a_traceback(data, tmp_path):
    sample = copy.deepcopy(SAMPLE)
    for _ in range(data.draw(st.integers(1, 4))):
        paths = list(places(sample))
        *path, last = data.draw(st.sampled_from(paths))
        target = sample
        for key in path:
            target = target[key]
        if data.draw(st.booleans()):
            value = data.draw(VALUES)
            is_container = value in ("[]", "{}", "[1]")
            target[last] = json.loads(value) if is_container else value
        elif len(paths) > 1:
            del target[last]
        if not list(places(sample)):
            break
    path = tmp_path / "x.json"
    text = json.dumps(sample)
    text = text[: max(0, len(text) - data.draw(st.sampled_from([0, 0, 1, 20])))]
    path.write_text(text)
    # an empty file is refused as a whole
    if sample and text:
        convert(path)


needs_conll04 = pytest.mark.skipif(
    not CONLL04.is_dir(), reason="assets/conll04 is missing: run `spacy project assets`"
)


@needs_conll04
@pytest.mark.parametrize(
    "part, n_docs, n_entities, n_relations",
    [("train", 922, 3377, 1283), ("dev", 231, 893, 343), ("test", 288, 1079, 422)],
)
def test_conll04_is_read_whole(part, n_docs, n_entities, n_relations):
    docs, report = convert(CONLL04 / f"conll04_{part}.json")
    assert report.problems == []
    assert len(docs) == n_docs
    assert sum(len(doc.ents) for doc in docs) == n_entities
    assert sum(len(get_relations(doc)) for doc in docs) == n_relations
