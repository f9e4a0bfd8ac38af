from rel_component.relations import LabelConstraints, RelationKey, count_support

ANN, BOB, EVE = ((i, i + 1, "PERSON") for i in range(3))
ACME, BOLT = ((i, i + 1, "ORG") for i in (7, 8))
EVERY = LabelConstraints(1, 1, True, True)


def count(links, entities, constraints=EVERY):
    keys = [RelationKey(head, "R", tail) for head, tail in links]
    counts = count_support(keys, entities, lambda label: constraints)
    assert {label for label, _, _ in counts} == {"R"}
    names = {name: None for _, name, _ in counts}
    kinds = ("all", "kept", "open")
    return {name: tuple(counts["R", name, kind] for kind in kinds) for name in names}


def test_ends():
    """Open: two of the tail's type are there; the head itself does not count."""
    links = [(ANN, ACME), (BOB, ACME)]
    found = count(links, [ANN, BOB, ACME])
    assert found["max_tails"] == (2, 2, 0) and found["max_heads"] == (1, 0, 1)
    assert count(links, [ANN, BOB, ACME, BOLT])["max_tails"] == (2, 2, 2)
    assert count([(ANN, BOB)], [ANN, BOB])["max_tails"] == (1, 1, 0)
    assert count([(ANN, BOB)], [ANN, BOB, EVE])["max_tails"] == (1, 1, 1)
    two = LabelConstraints(max_heads=2)
    assert count(links, [ANN, BOB, EVE, ACME], two) == {"max_heads": (1, 1, 1)}


def test_cycles():
    links = [(ANN, BOB), (BOB, EVE), (ANN, ACME)]
    assert count(links, [])["acyclic"] == (3, 3, 2)
    assert count([*links, (EVE, ANN)], [])["acyclic"] == (4, 1, 3)


def test_what_follows():
    links = [(ANN, BOB), (BOB, ANN), (BOB, EVE)]  # back to Ann does not count
    assert count(links, [])["transitive"] == (1, 0, 1)
    assert count([*links, (ANN, EVE)], [])["transitive"] == (2, 2, 2)
    assert count([*links, (ANN, ACME)], [])["transitive"] == (2, 0, 2)
