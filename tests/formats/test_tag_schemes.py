import pytest
from hypothesis import given
from hypothesis import strategies as st

from rel_component.formats import FormatError
from rel_component.formats.fields import FieldError
from rel_component.formats.tag_schemes import (
    SCHEMES,
    Chunk,
    Votes,
    choose_scheme,
    find_chunks,
    parse_tag,
)


def encode(chunks, n, scheme):
    """Tags of entities, by the book."""
    tags = ["O"] * n
    before = Chunk(-1, -1, "")
    for chunk in chunks:
        size = chunk.end - chunk.start
        touches = before.end == chunk.start and before.label == chunk.label
        letters = {
            "iob1": ("B" if touches else "I") + "I" * (size - 1),
            "iob2": "B" + "I" * (size - 1),
            "biluo": "U" if size == 1 else "B" + "I" * (size - 2) + "L",
            "bioes": "S" if size == 1 else "B" + "I" * (size - 2) + "E",
        }[scheme]
        for i, letter in enumerate(letters, chunk.start):
            tags[i] = f"{letter}-{chunk.label}"
        before = chunk
    return tags


def decode(tags, scheme):
    return find_chunks([parse_tag(tag, scheme, "tag") for tag in tags], scheme)


@st.composite
def sentences(draw):
    """Entities side by side or apart, and how many words there are."""
    chunks, start = [], 0
    for _ in range(draw(st.integers(0, 6))):
        start += draw(st.integers(0, 2))
        end = start + draw(st.integers(1, 4))
        label = draw(st.sampled_from(["PER", "LOC", "X-RAY"]))
        chunks.append(Chunk(start, end, label))
        start = end
    return chunks, start + draw(st.integers(0, 2))


@pytest.mark.parametrize("scheme", SCHEMES)
@given(sentence=sentences())
def test_every_scheme_gives_the_entities_back(scheme, sentence):
    chunks, n = sentence
    tags = encode(chunks, n, scheme)
    assert decode(tags, scheme) == (chunks, {})
    votes = Votes()
    for tag in tags:
        votes.add(tag)
    # whatever is made out of it, the entities are the same
    assert decode(tags, votes.scheme) == (chunks, {})


CASES = {
    "iob1": "I-PER O I-PER B-PER O",
    "iob2": "B-PER O I-PER B-PER O",
    "biluo": "B-PER L-PER O U-LOC",
    "bioes": "B-PER E-PER O S-LOC",
}


@pytest.mark.parametrize("scheme", CASES)
def test_the_scheme_is_that_of_most_tags(scheme):
    votes = Votes()
    for tag in CASES[scheme].split():
        votes.add(tag)
    assert votes.scheme == choose_scheme(votes, "auto") == scheme
    # a misspelt one among several does not change it
    for tag in ("L-PER" if scheme == "bioes" else "S-PER", "O"):
        votes.add(tag)
    assert votes.scheme == scheme


def test_a_sentence_ends_what_goes_before():
    votes = Votes()
    for tag in ("I-PER", "", "B-PER"):
        votes.add(tag)
    assert votes.scheme == "iob2"


def test_names_of_schemes():
    assert choose_scheme(Votes(), "BILOU") == "biluo"
    assert choose_scheme(Votes(), "iobes") == "bioes"
    with pytest.raises(FormatError, match="'bio2', expected one of auto, iob1"):
        choose_scheme(Votes(), "bio2")


BEGUN = "{}- without B- taken as the beginning of an entity"


@pytest.mark.parametrize(
    "scheme,tags,chunks,repairs",
    [
        # as conlleval reads them
        ("iob2", "O I-A O", [(1, 2, "A")], {BEGUN.format("I"): 1}),
        ("iob2", "B-A I-B", [(0, 1, "A"), (1, 2, "B")], {BEGUN.format("I"): 1}),
        ("iob1", "O I-A I-B", [(1, 2, "A"), (2, 3, "B")], {}),
        ("bioes", "O E-A O", [(1, 2, "A")], {BEGUN.format("E"): 1}),
        (
            "biluo",
            "L-A I-A",
            [(0, 1, "A"), (1, 2, "A")],
            {
                BEGUN.format("L"): 1,
                BEGUN.format("I"): 1,
                "entity that no L- ends taken to end where it stops": 1,
            },
        ),
        ("bioes", "S-A E-A", [(0, 1, "A"), (1, 2, "A")], {BEGUN.format("E"): 1}),
        (
            "biluo",
            "B-A I-A O",
            [(0, 2, "A")],
            {"entity that no L- ends taken to end where it stops": 1},
        ),
        (
            "bioes",
            "B-A S-A",
            [(0, 1, "A"), (1, 2, "A")],
            {"entity that no E- ends taken to end where it stops": 1},
        ),
        (
            "iob1",
            "O B-A I-A B-A",
            [(1, 3, "A"), (3, 4, "A")],
            {"B- that touches no entity of its type, against IOB1": 1},
        ),
    ],
)
def test_tags_against_the_rules(scheme, tags, chunks, repairs):
    assert decode(tags.split(), scheme) == (chunks, repairs)


@pytest.mark.parametrize(
    "tag", ["", "o", "PER", "B-", "X-PER", "E-PER", "B_PER", "b-PER", "O-PER", "B- "]
)
def test_what_is_no_tag(tag):
    with pytest.raises(FieldError, match="expected O, or a type after one of B-, I-"):
        parse_tag(tag, "iob2", "tag")


def test_tags_without_a_type():
    assert parse_tag("B", "iob2", "tag", "ENT") == ("B", "ENT")
    with pytest.raises(FieldError, match="expected one with a type, such as B-PER"):
        parse_tag("B", "iob2", "tag")
    votes = Votes()
    for tag in "B I O B O".split():
        votes.add(tag)
    assert not votes.has_types


def conlleval(tags):
    """The rules of conlleval for the beginning and the end of a chunk, as it has them.

    Source: startOfChunk and endOfChunk of the Python port by sighsmile.
    """
    chunks, start = [], None
    before, label_before = "O", ""
    for i, tag in enumerate([*tags, "O"]):
        prefix, _, label = tag.partition("-")
        is_end = (
            before in ("E", "S")
            or (before in ("B", "I") and prefix in ("B", "S", "O"))
            or (before != "O" and label_before != label)
        )
        is_start = (
            prefix in ("B", "S")
            or (before in ("E", "S", "O") and prefix in ("E", "I"))
            or (prefix != "O" and label_before != label)
        )
        if is_end and start is not None:
            chunks.append(Chunk(start, i, label_before))
            start = None
        if is_start:
            start = i
        before, label_before = prefix, label
    return chunks


TAGS = ["O", *(f"{prefix}-{label}" for prefix in "BIES" for label in ("A", "B"))]


@given(tags=st.lists(st.sampled_from(TAGS), max_size=12))
def test_any_tags_are_read_as_conlleval_does(tags):
    assert decode(tags, "bioes")[0] == conlleval(tags)
    both = [tag for tag in tags if tag[0] in "BIO"]
    for scheme in ("iob1", "iob2"):
        assert decode(both, scheme)[0] == conlleval(both)
