"""The relation ruler: what each condition means, and the manners of spaCy's rulers."""

import itertools
import json
import pickle

import numpy
import pytest
import spacy
import srsly
from hypothesis import given
from hypothesis import strategies as st
from spacy.matcher import Matcher
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Example

from rel_component import get_pattern_ids, get_relations, set_relations
from rel_component.pipe.merging import merge_relations
from rel_component.pipe.pattern_matcher import PatternMatcher
from rel_component.pipe.relation_ruler import RelationRuler
from rel_component.relations import (
    Relation,
    get_relation_data,
    set_relation_data,
)

from ..util import make_doc

TEXT = "Ann works for Acme and Bob hates Beta . Cy left Acme"
ENTITIES = [
    (0, 1, "PERSON"),
    (3, 4, "ORG"),
    (5, 6, "PERSON"),
    (7, 8, "ORG"),
    (9, 10, "PERSON"),
    (11, 12, "ORG"),
]
WORKS = {"label": "WORKS_FOR", "head": "PERSON", "tail": "ORG"}


def build(patterns, **config):
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    ruler = nlp.add_pipe("relation_ruler", config=config)
    ruler.add_patterns(patterns)
    return nlp


def annotate(nlp, text=TEXT, entities=ENTITIES):
    return nlp(make_doc(nlp.vocab, text, entities))


def show(doc):
    return [f"{r.head.text} {r.label} {r.tail.text}" for r in get_relations(doc)]


@pytest.mark.parametrize(
    "conditions,expected",
    [
        # two tokens between is still near enough, three is too far
        ({"max_tokens": 2}, "Ann-Acme Bob-Acme Bob-Beta Cy-Beta Cy-Acme2"),
        ({"max_tokens": 1}, "Bob-Acme Bob-Beta Cy-Beta Cy-Acme2"),
        ({"max_tokens": 0}, ""),
        ({"max_tokens": 1, "order": "head_first"}, "Bob-Beta Cy-Acme2"),
        ({"max_tokens": 1, "order": "tail_first"}, "Bob-Acme Cy-Beta"),
        ({"max_tokens": 1, "max_sentences": 0}, "Bob-Acme Bob-Beta Cy-Acme2"),
        ({"between": "works for"}, "Ann-Acme Ann-Beta Ann-Acme2"),
        ({"between": "Works FOR", "max_tokens": 2}, "Ann-Acme"),
        ({"between": ["hates", [{"LOWER": "left"}]], "max_tokens": 1},
         "Bob-Beta Cy-Acme2"),
        ({"between": [{"LOWER": {"REGEX": "^(hates|left)$"}}], "max_tokens": 1},
         "Bob-Beta Cy-Acme2"),
        ({"before": "and", "order": "head_first"}, "Bob-Beta Bob-Acme2"),
        ({"after": [{"IS_PUNCT": True}], "order": "head_first"}, "Ann-Beta Bob-Beta"),
        ({"without": [{"ENT_TYPE": "PERSON"}], "order": "head_first", "max_tokens": 9},
         "Ann-Acme Bob-Beta Cy-Acme2"),
        ({"without": ["works for", "hates", "."], "max_tokens": 9},
         "Bob-Acme Cy-Acme2"),
        ({"nearest": "head", "order": "head_first"}, "Ann-Acme Bob-Beta Cy-Acme2"),
        ({"nearest": "tail", "order": "head_first"}, "Ann-Acme Bob-Beta Cy-Acme2"),
        # at the same distance the one that stands first
        ({"nearest": "tail"}, "Ann-Acme Bob-Acme Cy-Beta"),
        ({"nearest": "head"}, "Bob-Acme Bob-Beta Cy-Acme2"),
        ({"nearest": "both"}, "Bob-Acme"),
        ({"head": ["PERSON", "ORG"], "tail": "PERSON", "max_tokens": 1,
          "order": "tail_first"}, "Beta-Bob Acme2-Cy"),
    ],
)  # fmt: skip
def test_each_condition(conditions, expected):
    doc = annotate(build([{**WORKS, **conditions}]))
    found = [
        f"{_name(relation.head)}-{_name(relation.tail)}" for relation in doc._.relations
    ]
    assert sorted(found) == sorted(expected.split())


def _name(span):
    return "Acme2" if span.start == 11 else span.text


def test_a_pattern_without_conditions_matches_all_pairs_of_its_types():
    doc = annotate(build([WORKS]))
    assert len(doc._.relations) == 9
    doc = annotate(build([{"label": "X"}]))
    assert len(doc._.relations) == 6 * 5


def test_scores_ids_and_labels():
    patterns = [
        {**WORKS, "id": "near", "max_tokens": 2, "order": "head_first", "score": 0.5},
        {**WORKS, "id": "verb", "between": "works for", "max_tokens": 2, "score": 0.9},
        {**WORKS, "id": "also", "between": "works for", "max_tokens": 2, "score": 0.9},
        {**WORKS, "label": "HATES", "between": "hates", "max_tokens": 1},
    ]
    nlp = build(patterns)
    doc = annotate(nlp)
    found = [
        (f"{r.head.text} {r.label} {r.tail.text}", round(r.score, 3), id_)
        for r, id_ in zip(doc._.relations, get_pattern_ids(doc))
    ]
    assert found == [
        ("Ann WORKS_FOR Acme", 0.9, "also"),
        ("Bob HATES Beta", 1.0, ""),
        ("Bob WORKS_FOR Beta", 0.5, "near"),
        ("Cy WORKS_FOR Acme", 0.5, "near"),
    ]
    assert doc._.relation_patterns == get_pattern_ids(doc)
    assert doc._.rel[(5, 7)] == {"HATES": 1.0, "WORKS_FOR": 0.5}
    ruler = nlp.get_pipe("relation_ruler")
    assert (ruler.labels, ruler.ids) == (
        ("HATES", "WORKS_FOR"),
        ("also", "near", "verb"),
    )
    ruler.threshold = 0.6
    assert show(annotate(nlp)) == ["Ann WORKS_FOR Acme", "Bob HATES Beta"]


def test_ids_survive_storage(tmp_path):
    nlp = build([{**WORKS, "id": "verb", "between": "works for", "nearest": "both"}])
    doc = annotate(nlp)
    copies = [
        Doc(nlp.vocab).from_bytes(doc.to_bytes()),
        pickle.loads(pickle.dumps(doc)),
        doc.copy(),
        *DocBin(store_user_data=True, docs=[doc]).get_docs(nlp.vocab),
    ]
    for copy in copies:
        assert show(copy) == ["Ann WORKS_FOR Acme"]
        assert get_pattern_ids(copy) == ["verb"]


def test_ids_follow_the_text():
    nlp = build([{**WORKS, "id": "verb", "between": "works for", "nearest": "both"}])
    doc = annotate(nlp)
    with pytest.warns(UserWarning, match="1 relation was lost"):
        assert get_pattern_ids(doc[2:].as_doc(copy_user_data=True)) == []
    joined = Doc.from_docs([doc, annotate(nlp)])
    assert get_pattern_ids(joined) == ["verb", "verb"]
    assert get_pattern_ids(joined[len(doc) :].as_doc(copy_user_data=True)) == ["verb"]
    with joined.retokenize() as retokenizer:
        retokenizer.merge(joined[1:3])
    assert get_pattern_ids(joined) == ["verb", "verb"]
    assert show(joined) == ["Ann WORKS_FOR Acme"] * 2


def test_symmetric_labels_are_written_in_both_directions():
    pattern = {"label": "KNOWS", "head": "PERSON", "tail": "PERSON", "max_tokens": 4}
    doc = annotate(build([{**pattern, "order": "head_first"}], symmetric=["KNOWS"]))
    assert show(doc) == [
        "Ann KNOWS Bob",
        "Bob KNOWS Ann",
        "Bob KNOWS Cy",
        "Cy KNOWS Bob",
    ]


def test_entities_of_a_span_group_that_nest():
    nlp = build([{"label": "IN", "head": "ORG", "tail": "PLACE"}], spans_key="all")
    entities = [(0, 3, "ORG"), (2, 3, "PLACE"), (0, 3, "PLACE")]
    doc = nlp(make_doc(nlp.vocab, "Bank of England", entities, spans_key="all"))
    assert show(doc) == [
        "Bank of England IN Bank of England",
        "Bank of England IN England",
    ]


def test_dependency_patterns():
    verb = {"RIGHT_ID": "verb", "RIGHT_ATTRS": {"LEMMA": "work"}}
    head = {"LEFT_ID": "verb", "REL_OP": ">", "RIGHT_ID": "head"}
    tail = {"LEFT_ID": "verb", "REL_OP": ">>", "RIGHT_ID": "tail"}
    tree = [
        verb,
        {**head, "RIGHT_ATTRS": {"DEP": "nsubj"}},
        {**tail, "RIGHT_ATTRS": {"DEP": "pobj"}},
    ]
    nlp = build([{**WORKS, "dependency": tree, "id": "tree"}])
    words = "Ann and Bob work for Acme Inc".split()
    doc = Doc(
        nlp.vocab,
        words=words,
        heads=[3, 0, 0, 3, 3, 6, 4],
        deps=["nsubj", "cc", "conj", "ROOT", "prep", "compound", "pobj"],
        lemmas=["Ann", "and", "Bob", "work", "for", "Acme", "Inc"],
    )
    doc.ents = [
        Span(doc, 0, 1, "PERSON"),
        Span(doc, 2, 3, "PERSON"),
        Span(doc, 5, 7, "ORG"),
    ]
    assert show(nlp(doc)) == ["Ann WORKS_FOR Acme Inc"]
    assert get_pattern_ids(doc) == ["tree"]
    with pytest.raises(ValueError, match=r"'tree'.*has no parse.*parser before"):
        annotate(nlp)


def test_sentence_limits_need_sentences():
    nlp = spacy.blank("en")
    nlp.add_pipe("relation_ruler").add_patterns([{**WORKS, "max_sentences": 0}])
    with pytest.raises(
        ValueError, match=r"of WORKS_FOR has max_sentences.*sentencizer"
    ):
        annotate(nlp)
    assert nlp("") is not None


@pytest.mark.parametrize(
    "pattern,message",
    [
        ("x", r"patterns\[1\] is 'x'; expected an object"),
        ({}, r"patterns\[1\] has no label"),
        ({"label": None}, r"patterns\[1\].label is None; expected a string"),
        ({"label": ""}, r"patterns\[1\].label is ''"),
        ({"label": "X", "id": 3}, r"\.id is 3"),
        ({"label": "X", "id": "a", "hed": "Y"}, r"\('a'\) has unknown field\(s\) hed"),
        ({"label": "X", "head": 3}, r"\.head is 3; expected an entity type"),
        ({"label": "X", "tail": ["A", ""]}, r"\.tail is \['A', ''\]"),
        ({"label": "X", "max_tokens": -1}, r"\.max_tokens is -1; expected a whole"),
        ({"label": "X", "max_sentences": True}, r"\.max_sentences is True"),
        ({"label": "X", "max_tokens": 1.5}, r"\.max_tokens is 1.5"),
        (
            {"label": "X", "order": "first"},
            r"\.order is 'first'; expected one of 'any'",
        ),
        ({"label": "X", "nearest": "tails"}, r"expected one of 'head', 'tail' and"),
        ({"label": "X", "score": 2}, r"\.score is 2; expected a number from 0 to 1"),
        ({"label": "X", "score": float("nan")}, r"\.score is nan"),
        ({"label": "X", "between": []}, r"\.between is empty"),
        ({"label": "X", "between": [3]}, r"\.between is 3; expected a phrase"),
        ({"label": "X", "after": " "}, r"\.after is ' '; expected a phrase"),
        (
            {"label": "X", "before": [{"LOWR": "a"}]},
            r"not a valid pattern for spaCy.*LOWR",
        ),
        (
            {"label": "X", "before": [[]]},
            r"not a valid pattern for spaCy's Matcher.*at least 1",
        ),
        (
            {"label": "X", "without": [{"LOWER": {"REGEX": "("}}]},
            r"\.without is not a valid pat",
        ),
        (
            {"label": "X", "without": [{"OP": "{3,1}"}]},
            r"\.without is not a valid pattern",
        ),
        ({"label": "X", "dependency": {}}, r"\.dependency is \{\}; expected"),
        ({"label": "X", "dependency": [{"RIGHT_ID": "head"}]}, "has no RIGHT_ATTRS"),
        (
            {"label": "X", "dependency": [{"RIGHT_ID": "head", "RIGHT_ATTRS": {}}]},
            "no node whose RIGHT_ID is tail",
        ),
        (
            {
                "label": "X",
                "dependency": [
                    {"RIGHT_ID": "head", "RIGHT_ATTRS": {}},
                    {"RIGHT_ID": "tail", "RIGHT_ATTRS": {}},
                ],
            },
            "dependency is not a valid pattern for spaCy's DependencyMatcher",
        ),
        (
            {
                "label": "X",
                "dependency": [
                    {"RIGHT_ID": "head", "RIGHT_ATTRS": {"LOWER": {"REGEX": "("}}},
                    {
                        "RIGHT_ID": "tail",
                        "RIGHT_ATTRS": {},
                        "LEFT_ID": "head",
                        "REL_OP": ">",
                    },
                ],
            },
            "dependency is not a valid pattern for spaCy's DependencyMatcher",
        ),
        ({"label": "X", "meta": 3}, r"\.meta is 3; expected an object"),
    ],
)
def test_a_wrong_pattern_is_named_with_its_field(pattern, message, tmp_path):
    nlp = build([])
    ruler = nlp.get_pipe("relation_ruler")
    good = {**WORKS, "between": "works for", "max_tokens": 2}
    with pytest.raises(ValueError, match=message) as caught:
        ruler.add_patterns([good, pattern])
    assert "\n" not in str(caught.value)
    assert len(ruler) == 0  # all or none
    ruler.add_patterns([good])
    assert show(annotate(nlp)) == ["Ann WORKS_FOR Acme"]
    path = tmp_path / "x.jsonl"
    lines = [json.dumps(good), "", json.dumps(pattern)]
    path.write_text("\n".join(lines), encoding="utf8")
    with pytest.raises(ValueError, match=r"x\.jsonl, line 3"):
        ruler.from_disk(path)


def test_files_that_are_no_patterns(tmp_path):
    ruler = build([]).get_pipe("relation_ruler")
    with pytest.raises(ValueError, match="file not found; expected patterns"):
        ruler.from_disk(tmp_path / "none.jsonl")
    (tmp_path / "x.jsonl").write_text('{"label": "X"}\n{"label"\n')
    with pytest.raises(ValueError, match="line 2: invalid JSON"):
        ruler.from_disk(tmp_path / "x.jsonl")
    (tmp_path / "x.jsonl").write_bytes(b'{"label": "\xdc"}\n')
    with pytest.raises(ValueError, match=r"x\.jsonl: byte 11 is not valid UTF-8"):
        ruler.from_disk(tmp_path / "x.jsonl")
    (tmp_path / "x.jsonl").write_text('\ufeff{"label": "X"}\n', encoding="utf8")
    assert ruler.from_disk(tmp_path / "x.jsonl").labels == ("X",)
    ruler.clear()
    with pytest.raises(ValueError, match="patterns is a dict; expected a list"):
        ruler.add_patterns({"label": "X"})
    with pytest.raises(ValueError, match="phrase_matcher_attr is 'LEMMA'"):
        build([], phrase_matcher_attr="LEMMA")
    with pytest.raises(ValueError, match="threshold is 2"):
        build([], threshold=2)


def test_save_and_load(tmp_path):
    patterns = [
        {**WORKS, "id": "a", "between": ["works for", [{"LOWER": "left"}]]},
        {**WORKS, "id": "b", "without": "hates", "max_sentences": 0, "score": 0.25},
    ]
    nlp = build(patterns, symmetric=["WORKS_FOR"])
    expected = annotate(nlp)._.relations
    assert expected
    ruler = nlp.get_pipe("relation_ruler")
    nlp.to_disk(tmp_path / "model")
    ruler.to_disk(tmp_path / "patterns.jsonl")
    loaded = [spacy.load(tmp_path / "model"), build([]), build([])]
    loaded[1].get_pipe("relation_ruler").from_bytes(ruler.to_bytes())
    loaded[2].get_pipe("relation_ruler").from_disk(tmp_path / "patterns.jsonl")
    for other in loaded:
        other_ruler = other.get_pipe("relation_ruler")
        assert other_ruler.patterns == patterns
        other_ruler.cfg = ruler.cfg
        assert str(annotate(other)._.relations) == str(expected)
    config = nlp.config["components"]["relation_ruler"]
    assert config["symmetric"] == ["WORKS_FOR"]


def test_clear_and_remove():
    patterns = [
        {**WORKS, "id": "a"},
        {**WORKS, "label": "B", "id": "b"},
        {"label": "C"},
    ]
    ruler = build(patterns).get_pipe("relation_ruler")
    assert (len(ruler), "B" in ruler, "D" in ruler) == (3, True, False)
    ruler.remove("C")
    ruler.remove_by_id("a")
    assert ruler.patterns == [patterns[1]]
    for remove, name in ((ruler.remove, "C"), (ruler.remove_by_id, "a")):
        with pytest.raises(ValueError, match="E1024"):
            remove(name)
    ruler.clear()
    assert (len(ruler), ruler.labels, ruler.ids) == (0, (), ())


def test_patterns_are_given_by_config(tmp_path):
    path = tmp_path / "patterns.jsonl"
    srsly.write_jsonl(path, [WORKS])
    reader = {"@readers": "srsly.read_jsonl.v1", "path": str(path)}
    for patterns in ([{**WORKS}], reader):
        nlp = spacy.blank("en")
        nlp.add_pipe("relation_ruler")
        settings = {"relation_ruler": {"patterns": patterns}}
        nlp.config["initialize"]["components"] = settings
        nlp.initialize()
        assert len(annotate(nlp)._.relations) == 9
        nlp.initialize()  # not twice as many
        assert len(nlp.get_pipe("relation_ruler")) == 1


def test_without_patterns_there_is_a_warning():
    with pytest.warns(UserWarning, match="W036"):
        annotate(build([]))


def test_schema_and_types_of_the_patterns():
    patterns = [WORKS, {**WORKS, "head": ["PERSON", "TEAM"]}, {"label": "ANY"}]
    ruler = build(patterns, symmetric=["ANY", "LATER"]).get_pipe("relation_ruler")
    assert ruler.schema.pairs == {
        "WORKS_FOR": {("PERSON", "ORG"), ("TEAM", "ORG")},
        "ANY": None,
    }
    assert ruler.schema.symmetric == {"ANY"}
    assert ruler.entity_types == ("ORG", "PERSON", "TEAM")


def test_it_is_scored():
    nlp = build([{**WORKS, "between": "works for", "max_tokens": 2}])
    gold = make_doc(
        nlp.vocab, TEXT, ENTITIES, [(0, "WORKS_FOR", 1), (4, "WORKS_FOR", 5)]
    )
    example = Example(make_doc(nlp.vocab, TEXT, ENTITIES), gold)
    scores = nlp.evaluate([example])
    assert (scores["rel_micro_p"], scores["rel_micro_r"]) == (1.0, 0.5)
    assert "rel_micro_f" in nlp.config["training"]["score_weights"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_relations_that_were_there_stay_or_are_replaced(overwrite):
    patterns = [{**WORKS, "between": "works for", "max_tokens": 2, "id": "verb"}]
    nlp = build(patterns, overwrite=overwrite)
    doc = make_doc(nlp.vocab, TEXT, ENTITIES)
    ann, acme, bob = doc.ents[:3]
    before = [Relation(ann, "OWNS", acme, 0.75), Relation(bob, "KNOWS", ann, 0.5)]
    set_relations(doc, before)
    nlp(doc)
    kept = [] if overwrite else ["Ann OWNS Acme"]
    assert sorted(show(doc)) == sorted([*kept, "Bob KNOWS Ann", "Ann WORKS_FOR Acme"])
    assert sorted(get_pattern_ids(doc)) == sorted(["verb", "", *[""] * len(kept)])


def test_the_score_that_was_there_stays():
    nlp = build([{**WORKS, "between": "works for", "max_tokens": 2}])
    doc = make_doc(nlp.vocab, TEXT, ENTITIES)
    set_relations(doc, [Relation(doc.ents[0], "WORKS_FOR", doc.ents[1], 0.75)])
    assert nlp(doc)._.relations[0].score == 0.75


@pytest.fixture(scope="module")
def trained():
    """Learns that Bob hates Beta, and scores all pairs."""
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.add_pipe("relation_extractor")
    gold = make_doc(nlp.vocab, TEXT, ENTITIES, [(2, "HATES", 3)])
    examples = [Example(make_doc(nlp.vocab, TEXT, ENTITIES), gold)]
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(60):
        nlp.update(examples, sgd=optimizer)
    assert show(annotate(nlp)) == ["Bob HATES Beta"]
    return nlp.to_bytes(), nlp.config


@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize("single_label", [False, True])
def test_beside_a_trained_extractor(trained, place, single_label):
    data, config = trained
    nlp = spacy.util.load_model_from_config(config)
    nlp.from_bytes(data)
    alone = annotate(nlp)._.rel
    nlp.get_pipe("relation_extractor").single_label = single_label
    ruler = nlp.add_pipe("relation_ruler", **{place: "relation_extractor"})
    near = {"max_tokens": 2, "order": "head_first", "nearest": "both"}
    ruler.add_patterns([{**WORKS, **near, "id": "near", "score": 0.75}])
    doc = annotate(nlp)
    expected = {"Ann WORKS_FOR Acme", "Bob WORKS_FOR Beta", "Cy WORKS_FOR Acme"}
    # rules first: the model has only what they leave
    if not (single_label and place == "before"):
        expected.add("Bob HATES Beta")
    assert set(show(doc)) == expected and len(show(doc)) == len(expected)
    ids = dict(zip(show(doc), get_pattern_ids(doc)))
    assert all((id_ == "near") == ("WORKS" in name) for name, id_ in ids.items())
    # the model's scores are there for all pairs, and only the rules' are added
    for ends, scores in doc._.rel.items():
        if "HATES" in scores:
            assert scores["HATES"] == alone[ends]["HATES"]
    assert len(doc._.rel) == len(alone)
    texts = [make_doc(nlp.vocab, TEXT, ENTITIES) for _ in range(3)]
    for other in nlp.pipe(texts):
        assert set(show(other)) == expected
    if not single_label:  # once more: not twice
        assert set(show(nlp(doc))) == expected and len(show(doc)) == len(expected)


WORDS = ("a", "of", ".", "b")
TYPES = ("P", "Q")
text_patterns = st.one_of(
    st.sampled_from(WORDS),
    st.lists(
        st.sampled_from([{"LOWER": "a"}, {"LOWER": "of"}, {"ENT_TYPE": "P"}, {}]),
        min_size=1,
        max_size=2,
    ),
)
alternatives = st.lists(text_patterns, min_size=1, max_size=2)
relation_patterns = st.fixed_dictionaries(
    {"label": st.sampled_from("XY"), "id": st.sampled_from("ijk")},
    optional={
        "head": st.sampled_from(TYPES),
        "tail": st.lists(st.sampled_from(TYPES), min_size=1, max_size=2),
        "max_tokens": st.integers(0, 4),
        "max_sentences": st.integers(0, 2),
        "order": st.sampled_from(["any", "head_first", "tail_first"]),
        "nearest": st.sampled_from(["head", "tail", "both"]),
        "score": st.sampled_from([0.0, 0.25, 1.0]),
        **dict.fromkeys(("between", "before", "after", "without"), alternatives),
    },
)


@st.composite
def documents(draw):
    words = draw(st.lists(st.sampled_from(WORDS), max_size=12))
    spans, at = [], 0
    while at < len(words):
        end = min(at + draw(st.integers(1, 2)), len(words))
        if draw(st.booleans()):
            spans.append((at, end, draw(st.sampled_from(TYPES))))
        at = end
    return words, spans


def find_places(nlp, doc, alternatives):
    """Where one of several patterns matches."""
    matcher = Matcher(nlp.vocab)
    for pattern in alternatives:
        is_phrase = isinstance(pattern, str)
        matcher.add("x", [[{"LOWER": pattern}] if is_phrase else pattern])
    return [(start, end) for _, start, end in matcher(doc)]


def find_slowly(nlp, doc, pattern):
    """The pairs that match a pattern, one by one."""
    found = []
    sentence = {token.i: n for n, sent in enumerate(doc.sents) for token in sent}
    names = ("between", "before", "after", "without")
    places = {x: find_places(nlp, doc, pattern[x]) for x in names if x in pattern}
    for head, tail in itertools.permutations(doc.ents, 2):
        first, second = sorted((head, tail), key=lambda span: span.start)
        start, stop = first.end, second.start
        order = pattern.get("order", "any")
        inside = {
            name: any(start <= s and e <= stop for s, e in places.get(name, ()))
            for name in ("between", "without")
        }
        conditions = [
            head.label_ in pattern.get("head", TYPES),
            tail.label_ in pattern.get("tail", TYPES),
            stop - start <= pattern.get("max_tokens", 99),
            sentence[second.start] - sentence[first.start]
            <= pattern.get("max_sentences", 99),
            order == "any" or (order == "head_first") == (head is first),
            inside["between"] or "between" not in pattern,
            not inside["without"],
            "before" not in pattern or first.start in {e for _, e in places["before"]},
            "after" not in pattern or second.end in {s for s, _ in places["after"]},
        ]
        if all(conditions):
            found.append((head, tail, stop - start))
    nearest = pattern.get("nearest")
    by_tail = {t: min((d, h.start) for h, x, d in found if x is t) for _, t, _ in found}
    by_head = {h: min((d, t.start) for x, t, d in found if x is h) for h, _, _ in found}
    return {
        (h.start, pattern["label"], t.start)
        for h, t, d in found
        if (nearest not in ("head", "both") or by_tail[t] == (d, h.start))
        and (nearest not in ("tail", "both") or by_head[h] == (d, t.start))
    }


NLP = spacy.blank("en")
SENTENCIZER = NLP.add_pipe("sentencizer")


def run_ruler(patterns, specs, batch_size=9):
    ruler = RelationRuler(NLP)
    ruler.add_patterns(patterns)
    ruler.from_bytes(ruler.to_bytes())
    docs = [SENTENCIZER(make_doc(NLP.vocab, *spec)) for spec in specs]
    return list(ruler.pipe(docs, batch_size=batch_size))


@given(
    st.lists(relation_patterns, min_size=1, max_size=4),
    st.lists(documents(), min_size=1, max_size=3),
    st.randoms(use_true_random=False),
)
def test_a_batch_finds_what_a_loop_finds_in_any_order(patterns, specs, random):
    docs = run_ruler(patterns, specs)
    for doc in docs:
        wanted = set().union(*(find_slowly(NLP, doc, x) for x in patterns))
        relations = doc._.relations
        assert {(r.head.start, r.label, r.tail.start) for r in relations} == wanted
        assert len(relations) == len(wanted)
    expected = [_describe(doc) for doc in docs]
    assert list(map(_describe, run_ruler(patterns, specs, 1))) == expected
    shuffled = random.sample(patterns, len(patterns))
    assert list(map(_describe, run_ruler(shuffled, specs))) == expected


def _describe(doc):
    rows = [(r.head.start, r.label, r.tail.start, r.score) for r in doc._.relations]
    return sorted(zip(rows, get_pattern_ids(doc)))


def test_blocks_of_pairs_change_nothing(monkeypatch):
    patterns = [
        {**WORKS, "nearest": x, "order": "any"} for x in ("head", "tail", "both")
    ]
    patterns.append({**WORKS, "label": "ALL"})
    expected = _describe(annotate(build(patterns)))
    for size in (1, 2, 7):
        monkeypatch.setattr("rel_component.pipe.pattern_matcher.BLOCK", size)
        assert _describe(annotate(build(patterns))) == expected


def test_nearest_of_both_in_blocks(monkeypatch):
    pattern = {"label": "L", "head": "H", "tail": "T", "nearest": "both"}
    words = "H . . . . . T . . . H . T . .".split()
    entities = [(i, i + 1, word) for i, word in enumerate(words) if word != "."]

    def find():
        nlp = build([pattern])
        doc = nlp(make_doc(nlp.vocab, words, entities))
        return [(r.head.start, r.tail.start) for r in get_relations(doc)]

    expected = find()
    for size in (1, 2, 3):
        monkeypatch.setattr("rel_component.pipe.pattern_matcher.BLOCK", size)
        assert find() == expected


def test_processes_and_errors():
    nlp = build([{**WORKS, "between": "works for", "max_tokens": 2, "id": "verb"}])
    docs = [make_doc(nlp.vocab, TEXT, ENTITIES) for _ in range(4)]
    for doc in nlp.pipe(docs, n_process=2, batch_size=2):
        assert (show(doc), get_pattern_ids(doc)) == (["Ann WORKS_FOR Acme"], ["verb"])
    nlp = spacy.blank("en")
    nlp.add_pipe("relation_ruler").add_patterns([{**WORKS, "max_sentences": 0}])
    nlp.set_error_handler(lambda *args: None)
    docs = [make_doc(nlp.vocab, "x", []), make_doc(nlp.vocab, TEXT, ENTITIES)]
    assert len(list(nlp.pipe(docs, batch_size=1))) == 1


def test_long_documents_take_linear_time(monkeypatch):
    """Pairs that are looked at, counted: no timing."""
    seen = []
    original = PatternMatcher._filter

    def count(self, pattern, layout, matches, heads, tails):
        seen.append(len(heads))
        return original(self, pattern, layout, matches, heads, tails)

    monkeypatch.setattr(PatternMatcher, "_filter", count)
    nlp = build(
        [
            {**WORKS, "max_tokens": 5, "between": "w"},
            {**WORKS, "max_sentences": 0, "order": "head_first", "nearest": "tail"},
        ]
    )
    counts = []
    for n in (1000, 2000):
        entities = [(i, i + 1, "PERSON" if i % 4 else "ORG") for i in range(0, n, 2)]
        words = ["w" if i % 10 != 9 else "." for i in range(n)]
        nlp(make_doc(nlp.vocab, words, entities))
        counts.append(sum(seen))
        seen.clear()
    assert 0 < counts[1] <= 2.05 * counts[0]


def test_merging_into_the_scores_of_many_pairs(rng):
    """A union by entity, label and direction, whatever the rows."""
    nlp = spacy.blank("en")
    entities = [(i, i + 1, "P") for i in range(6)]
    for _ in range(50):
        parts = []
        for n in (8, 3):
            doc = make_doc(nlp.vocab, 6, entities)
            relations = {
                (int(h), int(t)): Relation(doc.ents[h], str(label), doc.ents[t], 0.5)
                for h, t in rng.integers(0, 6, (n, 2))
                for label in rng.choice(list("AB"), 1)
                if h != t
            }
            set_relations(doc, relations.values())
            parts.append(doc)
        keys = [
            {(r.head.start, r.label, r.tail.start) for r in d._.relations}
            for d in parts
        ]
        data = [get_relation_data(doc) for doc in parts]
        target = make_doc(nlp.vocab, 6, entities)
        merged = set_relation_data(target, merge_relations(*data))
        found = target._.relations
        assert {(r.head.start, r.label, r.tail.start) for r in found} == keys[0] | keys[
            1
        ]
        assert len(found) == len(keys[0] | keys[1])
        assert all(r.score == 0.5 for r in found)
        rows = {tuple(row) for row in merged.pairs.tolist()}
        assert len(rows) == len(merged.pairs)


def test_merging_keeps_negatives_of_incomplete_documents():
    nlp = spacy.blank("en")
    docs = [make_doc(nlp.vocab, 4, [(i, i + 1, "P") for i in range(4)]) for _ in "ab"]
    first, last, *others = docs[0].ents
    known = [Relation(first, "A", last)]
    set_relations(docs[0], known, complete=False, negatives=[tuple(others)])
    set_relations(docs[1], [Relation(docs[1].ents[0], "B", docs[1].ents[2])])
    base, added = map(get_relation_data, docs)
    merged = merge_relations(base, added)
    row = merged.pairs.tolist().index(base.pairs.tolist()[1])
    assert merged.labels == ["A", "B"] and merged.scores[row].tolist() == [0.0, 0.0]
    assert numpy.isnan(merged.scores[0, 1])


def test_patterns_below_the_threshold_have_no_ids():
    nlp = spacy.blank("en")
    weak = {**WORKS, "id": "weak", "score": 0.1}
    nlp.add_pipe("relation_ruler", config={"threshold": 0.5}).add_patterns([weak])
    doc = make_doc(nlp.vocab, TEXT, ENTITIES)
    relation = Relation(doc.ents[0], "WORKS_FOR", doc.ents[1], 0.9)
    set_relations(doc, [relation])
    doc = nlp(doc)
    assert get_pattern_ids(doc) == [""] and len(get_relations(doc)) == 1
