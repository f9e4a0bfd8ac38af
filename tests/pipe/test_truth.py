import numpy
import pytest
from spacy.tokens import Doc
from spacy.training import Example

from rel_component.model.candidates import PairGenerator, get_candidates
from rel_component.pipe.truth import (
    align_spans,
    count_covered,
    find_labels,
    get_gold_candidates,
    get_truth,
    has_same_tokens,
)

from ..util import make_doc

ENTITIES = [(0, 1, "A"), (2, 4, "B"), (5, 6, "C")]
LABELS = ["R", "S"]


def all_pairs(doc):
    """A user's own generator: of the tutorial's form, a pair with itself included."""
    return [(head, tail) for head in doc.ents for tail in doc.ents]


GENERATORS = [PairGenerator(), all_pairs]


def as_dict(truth, predicted, what=None):
    """{(head, tail): row} by the text of the entities, of a batch of one Doc."""
    spans = truth.candidates.entities.spans
    text = [predicted[start:end].text for start, end in spans.tolist()]
    rows = truth.labels if what is None else what
    return {
        (text[h], text[t]): row.tolist()
        for (h, t), row in zip(truth.candidates.pairs.tolist(), rows)
    }


def learn(example, generator=None, labels=LABELS):
    candidates = get_gold_candidates(generator or PairGenerator(), [example])
    return get_truth([example], candidates, labels)


@pytest.mark.parametrize("generator", GENERATORS)
def test_same_tokens(vocab, generator):
    gold = make_doc(vocab, 6, ENTITIES, [(0, "R", 1), (1, "S", 2), (0, "S", 1)])
    example = Example(make_doc(vocab, 6), gold)
    truth = learn(example, generator)
    found = as_dict(truth, example.predicted)
    assert {pair: row for pair, row in found.items() if any(row)} == {
        ("w0", "w2 w3"): [1, 1],
        ("w2 w3", "w5"): [0, 1],
    }
    assert len(found) == (6 if generator is not all_pairs else 9)
    assert truth.known is None
    assert truth.labels.dtype == "float32"


@pytest.mark.parametrize("generator", GENERATORS)
@pytest.mark.parametrize(
    "words,spaces",
    [
        ("Ann knows Bolt & Co . They met Eve .".split(), None),
        # finer, coarser, shifted before the entities
        (["A", "nn", *"knows Bolt & C o . They met Eve .".split()], [0, *[1] * 4, 0]),
        (["Ann", "knows", "Bolt & Co", ".", "They", "met", "Eve", "."], None),
        (["Ann", "knows", "Bolt", "&", "Co .", "They", "met", "Eve ."], None),
    ],
)
def test_other_tokens(vocab, words, spaces, generator):
    """Entities are found by their characters; who has none, makes no pair."""
    gold = make_doc(
        vocab,
        "Ann knows Bolt & Co . They met Eve .",
        [(0, 1, "A"), (2, 5, "B"), (8, 9, "C")],
        [(0, "R", 1), (1, "S", 2)],
    )
    spaces = [bool(x) for x in spaces or []]
    spaces += [True] * (len(words) - len(spaces))
    predicted = Doc(vocab, words=words, spaces=spaces)
    assert predicted.text == gold.text
    truth = learn(Example(predicted, gold), generator)
    expected = {("Ann", "Bolt & Co"): [1, 0], ("Bolt & Co", "Eve"): [0, 1]}
    whole = set(words) if "Co ." in words else {"Ann", "Bolt & Co", "Eve"}
    found = as_dict(truth, predicted)
    assert {pair: row for pair, row in found.items() if any(row)} == {
        pair: row for pair, row in expected.items() if set(pair) <= whole
    }


def test_align_spans(vocab):
    gold = Doc(vocab, words=["ab", "c", "d"], spaces=[False] * 3)
    predicted = Doc(vocab, words=["a", "b", "cd"], spaces=[False] * 3)
    spans = numpy.asarray([[0, 1], [1, 3], [0, 3], [1, 2], [2, 3]])
    found = align_spans(Example(predicted, gold), spans)
    assert found.tolist() == [[0, 2], [2, 3], [0, 3], [-1, -1], [-1, -1]]


@pytest.mark.parametrize(
    "words,expected",
    [
        (["a", "b"], True),
        (["a", "c"], False),
        (["ab"], False),
        (["a", "b", "c"], False),
    ],
)
def test_has_same_tokens(vocab, words, expected):
    gold = Doc(vocab, words=["a", "b"])
    assert has_same_tokens(Example(Doc(vocab, words=words), gold)) is expected


def test_predicted_entities(vocab):
    """Scores of predicted entities are compared with gold relations by span."""
    gold = make_doc(vocab, 6, ENTITIES, [(0, "R", 1), (1, "S", 2)])
    # one is new, one is missing, one has another type: positions say nothing
    predicted = make_doc(vocab, 6, [(0, 1, "A"), (1, 2, "A"), (2, 4, "X")])
    candidates = get_candidates(PairGenerator(), [predicted])
    truth = get_truth([Example(predicted, gold)], candidates, LABELS)
    found = as_dict(truth, predicted)
    assert len(found) == 6
    assert {pair: row for pair, row in found.items() if any(row)} == {
        ("w0", "w2 w3"): [1, 0]
    }


def test_the_gold_type_is_preferred(vocab):
    gold = make_doc(vocab, 4, [(0, 1, "A"), (2, 3, "B")], [(0, "R", 1)])
    twice = [(0, 1, "A"), (2, 3, "A"), (2, 3, "B")]
    predicted = make_doc(vocab, 4, twice, spans_key="sc")
    candidates = get_candidates(PairGenerator(spans_key="sc"), [predicted])
    truth = get_truth([Example(predicted, gold)], candidates, LABELS)
    ((head, tail),) = candidates.pairs[truth.labels[:, 0] == 1]
    assert vocab.strings[candidates.entities.types[tail]] == "B" and head == 0


def test_nested_entities(vocab):
    entities = [(0, 3, "A"), (0, 1, "B"), (1, 2, "B")]
    gold = make_doc(vocab, 3, entities, [(1, "R", 0), (0, "S", 2)], spans_key="sc")
    truth = learn(Example(make_doc(vocab, 3), gold), PairGenerator(spans_key="sc"))
    found = as_dict(truth, gold)
    assert {pair: row for pair, row in found.items() if any(row)} == {
        ("w0", "w0 w1 w2"): [1, 0],
        ("w0 w1 w2", "w1"): [0, 1],
    }


def test_batch(vocab):
    docs = [
        make_doc(vocab, 6, ENTITIES, [(0, "R", 1)]),
        make_doc(vocab, 0),
        make_doc(vocab, 6, ENTITIES[:1], []),
        make_doc(vocab, 6, ENTITIES[1:], [(1, "S", 0)]),
        make_doc(vocab, 6, ENTITIES),
    ]
    examples = [Example(make_doc(vocab, len(doc)), doc) for doc in docs]
    candidates = get_gold_candidates(PairGenerator(), examples)
    assert numpy.diff(candidates.offsets).tolist() == [6, 0, 0, 2, 6]
    truth = get_truth(examples, candidates, LABELS)
    assert numpy.argwhere(truth.labels).tolist() == [[0, 0], [7, 1]]


def test_unknown_labels_and_pairs_are_left_out(vocab):
    gold = make_doc(vocab, 6, ENTITIES, [(0, "R", 2), (0, "NEW", 1)])
    truth = learn(Example(make_doc(vocab, 6), gold), PairGenerator(max_length=2))
    assert len(truth.candidates) == 2 and not truth.labels.any()


def test_incomplete_annotation(vocab):
    gold = make_doc(
        vocab, 6, ENTITIES, [(0, "R", 1)], complete=False, negatives=[(1, 2)]
    )
    full = make_doc(vocab, 6, ENTITIES[:2], [(0, "R", 1)])
    examples = [Example(make_doc(vocab, 6), x) for x in (full, gold)]
    candidates = get_gold_candidates(PairGenerator(), examples)
    truth = get_truth(examples, candidates, ["R", "S", "NEW"])
    assert truth.known[:2].all()
    assert truth.known[2:].tolist() == [
        [1, 0, 0],  # 0, 1: R was given, and nothing of the others
        [0, 0, 0],
        [0, 0, 0],
        [1, 1, 1],  # 1, 2: no relation at all
        [0, 0, 0],
        [0, 0, 0],
    ]
    assert numpy.argwhere(truth.labels).tolist() == [[0, 0], [2, 0]]


def test_incomplete_annotation_without_pairs(vocab):
    gold = make_doc(vocab, 6, ENTITIES, [], complete=False)
    truth = learn(Example(make_doc(vocab, 6), gold))
    assert len(truth.candidates) == 6 and not truth.known.any()
    gold = make_doc(vocab, 6, ENTITIES, [], complete=False, negatives=[(0, 1)])
    truth = learn(Example(make_doc(vocab, 6), gold))
    assert truth.known.tolist() == [[1, 1]] + [[0, 0]] * 5


def test_tutorial_dict_without_all_labels(vocab):
    """A label that a pair does not list is a negative, as the document is complete."""
    gold = make_doc(vocab, 6, ENTITIES)
    gold._.rel = {(0, 2): {"R": 1.0}, (2, 5): {"S": 1.0}}
    truth = learn(Example(make_doc(vocab, 6), gold))
    assert truth.known is None
    assert truth.labels.sum() == 2


def test_symmetric_labels_are_learned_in_one_direction(vocab):
    """The relation counts for the pair whose head comes first, whichever way it was
    annotated; of a label with a direction nothing changes."""
    gold = make_doc(vocab, 6, ENTITIES, [(1, "R", 0), (0, "R", 2), (2, "S", 1)])
    examples = [Example(make_doc(vocab, len(x)), x) for x in (make_doc(vocab, 2), gold)]
    candidates = get_gold_candidates(PairGenerator(), examples)
    truth = get_truth(examples, candidates, LABELS, symmetric={"R"})
    assert as_dict(truth, gold) == {
        ("w0", "w2 w3"): [1, 0],
        ("w0", "w5"): [1, 0],
        ("w2 w3", "w0"): [0, 0],
        ("w2 w3", "w5"): [0, 0],
        ("w5", "w0"): [0, 0],
        ("w5", "w2 w3"): [0, 1],
    }
    heads, tails = candidates.pairs.T
    assert truth.known[:, 0].tolist() == (heads < tails).tolist()
    assert truth.known[:, 1].all()


def test_symmetric_labels_of_an_incomplete_annotation(vocab):
    gold = make_doc(
        vocab, 6, ENTITIES, [(1, "R", 0)], complete=False, negatives=[(2, 1)]
    )
    example = Example(make_doc(vocab, 6), gold)
    candidates = get_gold_candidates(PairGenerator(), [example])
    truth = get_truth([example], candidates, LABELS, symmetric={"R"})
    known = as_dict(truth, gold, truth.known)
    assert {pair: row for pair, row in known.items() if any(row)} == {
        ("w0", "w2 w3"): [1, 0],
        # the other direction has none of R; of S nothing is known in this one
        ("w2 w3", "w5"): [1, 0],
        ("w5", "w2 w3"): [0, 1],
    }


def test_gold_relations_that_are_candidates_are_counted(vocab):
    docs = [
        make_doc(vocab, 6, ENTITIES, [(0, "R", 1), (2, "R", 0), (0, "S", 1)]),
        make_doc(vocab, 3),
        make_doc(vocab, 3, [], []),
        make_doc(vocab, 12, [(0, 1, "A"), (3, 4, "B"), (5, 12, "A")], [(2, "R", 1)]),
    ]
    examples = [Example(make_doc(vocab, len(doc)), doc) for doc in docs]
    for max_length, expected in ((None, (4, 4, 0)), (2, (4, 3, 5)), (1, (4, 0, 5))):
        candidates = get_gold_candidates(PairGenerator(max_length=max_length), examples)
        truth = get_truth(examples, candidates, LABELS)
        assert count_covered(examples, truth, frozenset()) == expected
    # of a label without a direction, the direction whose head comes first counts
    forward = truth.candidates = get_gold_candidates(PairGenerator(), examples)
    truth.candidates = forward.select(forward.pairs[:, 0] < forward.pairs[:, 1])
    assert count_covered(examples, truth, frozenset()) == (4, 2, 5)
    assert count_covered(examples, truth, {"R"}) == (4, 4, 0)


def test_generator_with_repeated_and_unsorted_pairs(vocab):
    def generator(doc):
        first, second, third = doc.ents
        return [(third, first), (first, second), (first, second)]

    gold = make_doc(vocab, 6, ENTITIES, [(0, "R", 1), (2, "S", 0)])
    truth = learn(Example(make_doc(vocab, 6), gold), generator)
    assert truth.candidates.pairs.tolist() == [[2, 0], [0, 1]]
    assert truth.labels.tolist() == [[0, 1], [1, 0]]


def test_find_labels(vocab):
    docs = [
        make_doc(vocab, 6, ENTITIES, [(0, "S", 1), (1, "R", 2)]),
        make_doc(vocab, 6),
        make_doc(vocab, 6, ENTITIES, [(0, "T", 1), (1, "S", 2)]),
    ]
    assert find_labels(Example(doc, doc) for doc in docs) == ["S", "R", "T"]


def test_wrongly_predicted_entities_are_mixed_in_as_negatives(vocab):
    gold = make_doc(vocab, 6, ENTITIES, [(0, "R", 1)])
    first = Example(make_doc(vocab, 6, [(0, 1, "A"), (2, 3, "B"), (4, 6, "C")]), gold)
    gold = make_doc(vocab, 6, [(1, 2, "A"), (3, 4, "B")], [(1, "S", 0)])
    second = Example(make_doc(vocab, 6, [(1, 2, "A"), (0, 1, "B")]), gold)
    examples = [first, second]
    plain = get_gold_candidates(PairGenerator(), examples)
    mixed = get_gold_candidates(PairGenerator(), examples, predicted_share=1.0)
    assert plain.entities.spans.tolist() == [[0, 1], [2, 4], [5, 6], [1, 2], [3, 4]]
    assert mixed.entities.spans.tolist() == [
        *([0, 1], [2, 3], [2, 4], [4, 6], [5, 6]),
        *([0, 1], [1, 2], [3, 4]),
    ]
    assert mixed.entities.offsets.tolist() == [0, 5, 8]
    assert len(mixed) == 20 + 6
    truth = get_truth(examples, mixed, LABELS)
    rows = {
        (*mixed.entities.spans[h].tolist(), *mixed.entities.spans[t].tolist()): row
        for (h, t), row in zip(mixed.pairs[:20].tolist(), truth.labels.tolist())
    }
    assert {key: row for key, row in rows.items() if any(row)} == {
        (0, 1, 2, 4): [1.0, 0.0]
    }
    assert truth.labels[20:].sum() == 1


def test_a_share_of_the_predicted_entities_is_drawn(vocab):
    n = 400
    gold = make_doc(vocab, n, [(0, 1, "A")])
    wrong = [(i, i + 1, "B") for i in range(1, n)]
    example = Example(make_doc(vocab, n, wrong), gold)
    generator = PairGenerator(max_length=1)
    found = get_gold_candidates(generator, [example], predicted_share=0.25)
    assert 1 + 60 < len(found.entities) < 1 + 140
    assert found.entities.spans[0].tolist() == [0, 1]
