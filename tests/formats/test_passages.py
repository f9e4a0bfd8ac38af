import pytest

from rel_component.formats.offsets import BYTES, UTF16
from rel_component.formats.passages import CODE_POINTS, LONGEST_GAP, JoinedText, Piece
from rel_component.formats.roles import Roles


@pytest.mark.parametrize("unit", [CODE_POINTS, BYTES, UTF16])
def test_every_character_is_found_again(unit):
    sizes = {CODE_POINTS: len, BYTES: lambda x: len(x.encode())}
    size = sizes.get(unit, lambda x: len(x.encode("utf-16-le")) // 2)
    texts = ["Ä😊b", "", "c d", "é"]
    pieces, at = [], 7
    for text in texts:
        pieces.append(Piece(at, text))
        at += size(text) + 2
    layout = JoinedText(pieces, unit)
    assert layout.text == "Ä😊b    c d  é" and layout.n_overlaps == 0
    for i, (piece, text) in enumerate(zip(pieces, texts)):
        begin, end = layout.stretch(i)
        assert layout.text[begin:end] == text
        for j in range(len(text)):
            start = piece.offset + size(text[:j])
            found = layout.find(start, start + size(text[j]))
            assert found == (begin + j, begin + j + 1)
        # between pieces, and in the middle of a character
        assert layout.find(piece.offset - 1, piece.offset + 1) is None
    if unit != CODE_POINTS:
        middle = 7 + {BYTES: 3, UTF16: 2}[unit]
        assert layout.find(middle, middle + 2) is None


def test_gaps_are_bounded():
    for gap, blanks in ((0, 0), (1, 1), (LONGEST_GAP, LONGEST_GAP), (10**18, 1)):
        assert (
            JoinedText([Piece(0, "a"), Piece(1 + gap, "b")]).text == f"a{' ' * blanks}b"
        )
    layout = JoinedText([Piece(0, "a"), Piece(3, "b")], separator="\n")
    assert layout.text == "a\n b"


def test_overlapping_pieces_are_told_apart_by_where_they_are_said_to_be():
    layout = JoinedText([Piece(0, "one"), Piece(0, "two")])
    assert layout.text == "one two" and layout.n_overlaps == 1
    assert layout.find(0, 3) == (0, 3)
    assert layout.find(0, 3, 1) == (4, 7)


def test_a_stretch_over_pieces_or_without_length():
    layout = JoinedText([Piece(0, "one"), Piece(4, "two")])
    assert layout.find(1, 6) == (1, 6)
    assert layout.find(1, 1) == (1, 1) and layout.find(2, 0) == (2, 0)
    assert layout.find(0, 8) is None


def test_roles():
    roles = Roles()
    assert not roles.is_swapped("R", ("Arg1", "Arg2"))
    assert roles.is_swapped("R", ("Arg2", "Arg1"))
    assert roles.is_swapped("R", ("object", "Subject"))
    # roles without a known meaning: as at first
    assert not roles.is_swapped("R", ("theme", "agent"))
    assert roles.is_swapped("R", ("agent", "theme"))
    assert not roles.is_swapped("S", ("agent", "theme"))
    assert not roles.is_swapped("T", ("x", "x"))
    assert not roles.is_swapped("T", ("y", "x"))
