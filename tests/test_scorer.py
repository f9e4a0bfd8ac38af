import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_fscore_support
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import registry

from rel_component.relations import RelationData, RelationKey, set_relation_data
from rel_component.scorer import (
    ScoredDoc,
    read_example,
    relation_scorer,
    score_relations,
    score_tutorial_protocol,
)

from .util import make_doc

WORDS = "Ann Bea Cid Dan Eve"
A, B, C, D = [(i, i + 1, "PERSON") for i in range(4)]


def predict(vocab, entities, scores, *, labels=("R",), threshold=0.5, words=WORDS):
    """A document with predictions: {(head, tail): [score of each label]}."""
    doc = make_doc(vocab, words, entities)
    scores_array = numpy.asarray(list(scores.values()), dtype="float32")
    scores_array = scores_array.reshape(-1, len(labels))
    data = RelationData(
        spans=numpy.asarray([e[:2] for e in entities], dtype="int32").reshape(-1, 2),
        types=[e[2] for e in entities],
        pairs=numpy.asarray(list(scores), dtype="int32").reshape(-1, 2),
        labels=labels,
        scores=scores_array,
        decided=numpy.argwhere(scores_array >= threshold).astype("int32"),
    )
    set_relation_data(doc, data)
    return doc


def gold(vocab, entities, relations, **options):
    return make_doc(vocab, WORDS, entities, relations, **options)


def prf(scores, name="rel_micro"):
    return tuple(scores[f"{name}_{part}"] for part in "prf")


def test_hit_miss_and_false_alarm(vocab):
    """2 of 3 predictions are right, 2 of 4 gold relations were found."""
    reference = gold(
        vocab, [A, B, C, D], [(0, "R", 1), (1, "R", 2), (2, "R", 3), (3, "R", 0)]
    )
    scores = {(0, 1): [0.9], (1, 2): [0.5], (1, 0): [0.6], (2, 3): [0.4]}
    example = Example(predict(vocab, [A, B, C, D], scores), reference)
    found = relation_scorer([example])
    assert prf(found) == pytest.approx((2 / 3, 2 / 4, 4 / 7))
    assert prf(found, "rel_strict") == prf(found) == prf(found, "rel_macro")
    assert found["rel_per_label"]["R"] == pytest.approx(
        {"p": 2 / 3, "r": 2 / 4, "f": 4 / 7, "support": 4}
    )
    assert found["rel_candidate_recall"] == 3 / 4


def test_never_generated_miss_counts(vocab):
    """One hit and one pair that was never a candidate: R is 1/2, the tutorial's 1."""
    reference = gold(vocab, [A, B, C], [(0, "R", 1), (0, "R", 2)])
    example = Example(predict(vocab, [A, B, C], {(0, 1): [0.9]}), reference)
    assert prf(relation_scorer([example])) == pytest.approx((1.0, 0.5, 2 / 3))
    assert relation_scorer([example])["rel_candidate_recall"] == 0.5
    assert prf(score_tutorial_protocol([read_example(example)])) == (1.0, 1.0, 1.0)


def test_micro_sums_documents_and_macro_means_labels(vocab):
    """R: 1 of 1 right, 1 of 2 found; S: 0 of 1 right, 0 of 1 found; T: never gold."""
    first = Example(
        predict(vocab, [A, B], {(0, 1): [0.9, 0.8]}, labels=("R", "T")),
        gold(vocab, [A, B], [(0, "R", 1)]),
    )
    second = Example(
        predict(vocab, [A, B], {(0, 1): [0.9]}, labels=("S",)),
        gold(vocab, [A, B], [(1, "S", 0), (1, "R", 0)]),
    )
    found = relation_scorer([first, second])
    assert prf(found) == pytest.approx((1 / 3, 1 / 3, 1 / 3))
    assert prf(found, "rel_macro") == pytest.approx((1 / 3, 1 / 6, 2 / 9))
    assert {k: v["support"] for k, v in found["rel_per_label"].items()} == {
        "R": 2,
        "S": 1,
        "T": 0,
    }


def test_entity_types_count_in_strict_only(vocab):
    other = [A, (1, 2, "ORG")]
    example = Example(
        predict(vocab, other, {(0, 1): [0.9]}), gold(vocab, [A, B], [(0, "R", 1)])
    )
    found = relation_scorer([example])
    assert prf(found) == (1.0, 1.0, 1.0)
    assert prf(found, "rel_strict") == (0.0, 0.0, 0.0)
    assert found["rel_candidate_recall"] == 1.0


def test_spans_must_agree(vocab):
    longer = [A, (1, 3, "PERSON")]
    example = Example(
        predict(vocab, longer, {(0, 1): [0.9]}), gold(vocab, [A, B], [(0, "R", 1)])
    )
    assert prf(relation_scorer([example])) == (0.0, 0.0, 0.0)


def test_a_candidate_has_both_spans_of_the_relation(vocab):
    """That both start at the same words is not enough, in either direction."""
    reference = gold(vocab, [A, C], [(0, "R", 1)])
    for ends in ([(0, 2, "PERSON"), C], [A, (2, 4, "PERSON")]):
        for pair, symmetric in (((0, 1), set()), ((1, 0), {"R"})):
            example = Example(predict(vocab, ends, {pair: [0.1]}), reference)
            found = relation_scorer([example], symmetric=symmetric)
            assert found["rel_candidate_recall"] == 0.0


def test_direction_counts(vocab):
    example = Example(
        predict(vocab, [A, B], {(1, 0): [0.9]}), gold(vocab, [A, B], [(0, "R", 1)])
    )
    assert prf(relation_scorer([example])) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("gold_way", [[(0, 1)], [(1, 0)], [(0, 1), (1, 0)]])
@pytest.mark.parametrize("found_way", [[(0, 1)], [(1, 0)], [(0, 1), (1, 0)]])
def test_symmetric_labels_count_once(vocab, gold_way, found_way):
    relations = [(h, "R", t) for h, t in gold_way] + [(0, "R", 2)]
    example = Example(
        predict(vocab, [A, B, C], {pair: [0.9] for pair in found_way}),
        gold(vocab, [A, B, C], relations),
    )
    found = relation_scorer([example], symmetric={"R"})
    assert prf(found) == pytest.approx((1.0, 0.5, 2 / 3))
    assert found["rel_per_label"]["R"]["support"] == 2
    assert found["rel_candidate_recall"] == 0.5
    scored = read_example(example, symmetric={"R"})
    assert prf(score_tutorial_protocol([scored])) == (1.0, 1.0, 1.0)


def test_other_tokenization(vocab):
    """Relations are compared by characters."""
    predicted = predict(
        vocab, [(0, 1, "PERSON"), (1, 3, "PERSON")], {(0, 1): [0.9]}, words="Ann B ea"
    )
    words = ["Ann", "B", "ea"]
    reference = make_doc(vocab, "Ann Bea", [A, B], [(0, "R", 1)])
    doc = Doc(vocab, words=words, spaces=[True, False, False])
    doc.user_data.update(predicted.user_data)
    found = relation_scorer([Example(doc, reference)])
    assert prf(found) == (1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    "threshold,expected",
    [(None, (1.0, 0.5)), (0.5, (1.0, 0.5)), (0.3, (2 / 3, 1.0)), (0.95, (0.0, 0.0))],
)
def test_threshold(vocab, threshold, expected):
    scores = {(0, 1): [0.9], (1, 2): [0.4], (1, 0): [0.3]}
    example = Example(
        predict(vocab, [A, B, C], scores),
        gold(vocab, [A, B, C], [(0, "R", 1), (1, "R", 2)]),
    )
    # float32 of 0.3 lies above 0.3
    found = score_relations([read_example(example, threshold=threshold)])
    assert (found["rel_micro_p"], found["rel_micro_r"]) == pytest.approx(expected)


def test_incomplete_annotation_scores_what_is_known(vocab):
    reference = gold(
        vocab,
        [A, B, C],
        [(0, "R", 1), (1, "R", 0)],
        complete=False,
        negatives=[(0, 2)],
    )
    scores = {
        (0, 1): [0.9, 0.9],  # R a hit, S not known
        (0, 2): [0.9, 0.1],  # a false alarm
        (1, 2): [0.9, 0.9],  # not known
    }
    predicted = predict(vocab, [A, B, C], scores, labels=("R", "S"))
    found = relation_scorer([Example(predicted, reference)])
    assert prf(found) == (0.5, 0.5, 0.5)
    assert list(found["rel_per_label"]) == ["R"]


def test_a_related_pair_has_other_labels_that_are_not_known(vocab):
    """All labels of a pair known is not yet all labels that there are."""
    reference = gold(vocab, [A, B], [(0, "R", 1)], complete=False, negatives=[(1, 0)])
    scores = {(0, 1): [0.9, 0.9], (1, 0): [0.1, 0.9]}
    predicted = predict(vocab, [A, B], scores, labels=("R", "S"))
    found = relation_scorer([Example(predicted, reference)])
    assert prf(found) == pytest.approx((0.5, 1.0, 2 / 3))
    assert found["rel_per_label"]["S"]["support"] == 0


def test_incomplete_annotation_with_other_types(vocab):
    reference = gold(
        vocab, [A, B, C], [(0, "R", 1)], complete=False, negatives=[(0, 2)]
    )
    others = [(start, end, "OTHER") for start, end, _ in (A, B, C)]
    predicted = predict(vocab, others, {(0, 1): [0.9], (0, 2): [0.9]})
    found = relation_scorer([Example(predicted, reference)])
    assert prf(found) == pytest.approx((0.5, 1.0, 2 / 3))


def test_incomplete_symmetric_annotation(vocab):
    reference = gold(vocab, [A, B, C], [(0, "R", 1)], complete=False)
    predicted = predict(vocab, [A, B, C], {(1, 0): [0.9], (1, 2): [0.9]})
    found = relation_scorer([Example(predicted, reference)], symmetric={"R"})
    assert prf(found) == (1.0, 1.0, 1.0)


@pytest.mark.parametrize("n_docs", [0, 1])
def test_nothing_to_score(vocab, n_docs):
    example = Example(predict(vocab, [A, B], {(0, 1): [0.1]}), gold(vocab, [A, B], []))
    found = relation_scorer([example] * n_docs)
    assert found["rel_per_label"] == {}
    assert {v for k, v in found.items() if k != "rel_per_label"} == {None}
    assert len(found) == 11


def test_no_predictions(vocab):
    """A document that no pipe has seen counts as all missed."""
    example = Example(make_doc(vocab, WORDS), gold(vocab, [A, B], [(0, "R", 1)]))
    found = relation_scorer([example])
    assert prf(found) == (0.0, 0.0, 0.0)
    assert found["rel_candidate_recall"] == 0.0


def test_no_gold(vocab):
    example = Example(
        predict(vocab, [A, B], {(0, 1): [0.9]}), make_doc(vocab, WORDS, [A, B])
    )
    found = relation_scorer([example])
    assert prf(found) == (0.0, 0.0, 0.0)
    assert found["rel_candidate_recall"] is None


cells = st.dictionaries(
    st.tuples(st.integers(0, 3), st.integers(0, 3), st.sampled_from("RST")),
    st.tuples(st.booleans(), st.booleans()),
    min_size=1,
)


@given(st.lists(cells, min_size=1, max_size=3))
def test_agrees_with_scikit_learn(drawn):
    """On cells of pairs and labels that are gold, predicted, both or neither."""
    docs, truth, found = [], {x: [] for x in "RST"}, {x: [] for x in "RST"}
    for doc_cells in drawn:
        keys = {}
        for (head, tail, label), cell in doc_cells.items():
            ends = [(i, i + 1, "PERSON") for i in (head, tail)]
            keys[RelationKey(ends[0], label, ends[1])] = cell
            truth[label].append(cell[0])
            found[label].append(cell[1])
        docs.append(
            ScoredDoc(
                {key for key, cell in keys.items() if cell[0]},
                {key: 1.0 for key, cell in keys.items() if cell[1]},
                set(),
            )
        )
    scores = score_relations(docs)
    used = [x for x in "RST" if any(truth[x]) or any(found[x])]
    if not used:
        assert scores["rel_micro_f"] is None
        return
    p, r, f, _ = precision_recall_fscore_support(
        [cell for x in used for cell in truth[x]],
        [cell for x in used for cell in found[x]],
        average="binary",
        zero_division=0,
    )
    assert prf(scores) == pytest.approx((p, r, f))
    per_label = [
        precision_recall_fscore_support(
            truth[x], found[x], average="binary", zero_division=0
        )[:3]
        for x in used
    ]
    assert prf(scores, "rel_macro") == pytest.approx(numpy.mean(per_label, axis=0))


typed_relations = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from("XY"),
        st.integers(0, 2),
        st.sampled_from("XY"),
        st.sampled_from("RS"),
    ),
    max_size=6,
)


def spert_prf(documents, with_types):
    """Micro scores by SpERT's definition: each relation that gold or prediction has is
    an instance, whose class is its label, or 0 where one of the two lacks it."""
    truth, found = [], []
    for gold_relations, predicted_relations in documents:
        sides = []
        for side in (gold_relations, predicted_relations):
            keys = {(h, ht, t, tt, r) for h, ht, t, tt, r in side}
            sides.append(keys if with_types else {(h, t, r) for h, _, t, _, r in keys})
        for instance in sides[0] | sides[1]:
            label = "RS".index(instance[-1]) + 1
            truth.append(label if instance in sides[0] else 0)
            found.append(label if instance in sides[1] else 0)
    return precision_recall_fscore_support(
        truth, found, labels=[1, 2], average="micro", zero_division=0
    )[:3]


@given(st.lists(st.tuples(typed_relations, typed_relations), min_size=1, max_size=3))
def test_micro_and_strict_as_spert_defines_them(documents):
    def to_keys(relations):
        return {
            RelationKey((h, h + 1, ht), r, (t, t + 1, tt))
            for h, ht, t, tt, r in relations
        }

    docs = [
        ScoredDoc(to_keys(gold), dict.fromkeys(to_keys(found), 1.0), set())
        for gold, found in documents
    ]
    scores = score_relations(docs)
    if scores["rel_micro_f"] is not None:
        assert prf(scores) == pytest.approx(spert_prf(documents, False))
        assert prf(scores, "rel_strict") == pytest.approx(spert_prf(documents, True))


def test_registered():
    scorer = registry.scorers.get("rel_component.relation_scorer.v1")()
    assert scorer([])["rel_micro_f"] is None


def test_documents_without_entities_are_named(nlp, vocab):
    """As `spacy benchmark accuracy` gives them to a pipeline for gold entities."""
    reference = gold(vocab, [A, B], [(0, "R", 1)])
    example = Example(Doc(vocab, WORDS.split()), reference)
    with pytest.warns(UserWarning, match=r"in 1 documents.* no entities.*read_gold"):
        assert relation_scorer([example])["rel_micro_f"] == 0.0
    nothing_to_find = gold(vocab, [A, B], [])
    for predicted, truth in (
        (predict(vocab, [A, B], {(0, 1): [0.1]}), reference),
        (make_doc(vocab, WORDS, []), reference),  # looked for, and found none
        (make_doc(vocab, WORDS, [A], spans_key="sc"), reference),
        (Doc(vocab, WORDS.split()), nothing_to_find),
    ):
        relation_scorer([Example(predicted, truth)])  # warnings are errors
    relation_scorer([])
