from types import SimpleNamespace

from rel_component.evaluation.report.build import GOLD
from rel_component.evaluation.report.details import describe_documents

from .predictions import make_example


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
