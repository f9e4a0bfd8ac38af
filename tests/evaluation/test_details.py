from types import SimpleNamespace

from rel_component.evaluation.report.build import GOLD
from rel_component.evaluation.report.details import describe_documents
from rel_component.relations import (
    RelationData,
    get_relation_data,
    set_relation_data,
)

from .predictions import make_example


def show(example, symmetric=()):
    report = SimpleNamespace(
        data={"pipeline": {"symmetric": list(symmetric)}}, examples={GOLD: [example]}
    )
    ((_, _, lines),) = describe_documents(report)
    return [line.split()[0] for line in lines]


def test_symmetric_relations_count_once(vocab):
    entities = [(0, 1, "A"), (1, 2, "A")]
    both = [(0, "A", 1), (1, "A", 0)]
    example = make_example(vocab, "a b", (entities, both), entities, {(1, "A", 0): 0.9})
    assert show(example, ["A"]) == ["found"]
    assert show(example) == ["missed", "found"]


def test_what_was_not_annotated_is_not_spurious(vocab):
    entities = [(0, 1, "A"), (1, 2, "A"), (2, 3, "A")]
    scores = {(0, "A", 1): 0.9, (1, "A", 2): 0.9}
    example = make_example(vocab, "a b c", (entities, [(0, "A", 1)]), entities, scores)
    assert show(example) == ["found", "spurious"]
    data = get_relation_data(example.reference)
    set_relation_data(example.reference, RelationData(**{**data, "complete": False}))
    assert show(example) == ["found"]


def test_an_entity_that_starts_at_the_same_token_is_another(vocab):
    ends = [(0, 2, "GPE"), (0, 3, "ORG"), (4, 5, "A")]
    example = make_example(
        vocab,
        "New York University is big",
        ([ends[0], ends[2]], [(0, "A", 1)]),
        ends[1:],
        {(0, "A", 1): 0.9},
    )
    report = SimpleNamespace(
        data={"pipeline": {"symmetric": []}}, examples={GOLD: [example]}
    )
    ((_, _, lines),) = describe_documents(report)
    assert [line.split() for line in lines] == [
        "missed 'New York' —A→ 'big' (never a candidate)".split(),
        "spurious 'New York University' —A→ 'big' (0.900)".split(),
    ]
