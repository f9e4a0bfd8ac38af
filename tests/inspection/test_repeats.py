"""Texts that are repeated, beside a comparison of each with each."""

import random
from typing import List

import pytest
import spacy
from spacy.tokens import Doc

from rel_component.inspection import repeats
from rel_component.inspection.repeats import (
    Fingerprint,
    find_repeats,
    find_similar,
    fingerprint,
)
from rel_component.inspection.report import inspect_splits
from rel_component.relations import SOURCE_KEY

NLP = spacy.blank("en")
TEXT = "one two three four five six seven eight nine ten eleven twelve"


def make(*texts: str, group: str | None = None) -> List[Fingerprint]:
    return [fingerprint(make_doc(text, group)) for text in texts]


def make_doc(text: str, group: str | None = None) -> Doc:
    doc = NLP.make_doc(text)
    if group is not None:
        doc.user_data[SOURCE_KEY] = {"group": group}
    return doc


def find_row(found, split, other):
    rows = found["splits"]
    return next(x for x in rows if (x["split"], x["other"]) == (split, other))


def get_shingles(text: str) -> set:
    words = text.lower().split()
    return {tuple(words[i : i + 3]) for i in range(max(len(words) - 2, 1))}


def test_same_texts_across_splits_whatever_the_whitespace():
    splits = {
        "train": make("a b c d", "e f g h"),
        "dev": make("a  b\nc d ", "a b c d", "other words here now"),
    }
    found = find_repeats(splits)
    row = find_row(found, "dev", "train")
    assert (row["documents"], row["same"], row["nearly"]) == (3, 2, 0)
    assert row["same_examples"] == [{"places": ["'a b c d'", "'a b c d'"]}]
    assert find_row(found, "train", "train")["same"] == 0
    assert find_row(found, "dev", "dev")["same"] == 1


def test_nearly_the_same_text():
    changed = TEXT.replace("twelve", "dozen")
    splits = {"train": make(TEXT), "dev": make(changed, "quite another text")}
    row = find_row(find_repeats(splits), "dev", "train")
    assert (row["same"], row["nearly"]) == (0, 1)
    # 9 shingles in common, and one more of each
    (example,) = row["nearly_examples"]
    assert example["similarity"] == round(9 / 11, 3)
    assert find_row(find_repeats(splits, 0.85), "dev", "train")["nearly"] == 0


def test_case_does_not_count_but_order_does():
    splits = {
        "train": make(TEXT.upper()),
        "dev": make(TEXT, " ".join(reversed(TEXT.split()))),
    }
    row = find_row(find_repeats(splits), "dev", "train")
    assert row["nearly"] == 1 and row["nearly_examples"][0]["similarity"] == 1


def test_pairs_within_a_split_are_shown_once():
    splits = {"train": make(TEXT, TEXT + " thirteen")}
    row = find_row(find_repeats(splits), "train", "train")
    assert row["nearly"] == 2 and len(row["nearly_examples"]) == 1


def test_groups_across_splits():
    splits = {
        "train": make("a b c", group="x") + make("d e f"),
        "dev": make("g h i", "j k l", group="x") + make("m n o"),
    }
    assert find_row(find_repeats(splits), "dev", "train")["same_group"] == 2


@pytest.mark.parametrize("similarity", [0.5, 0.7, 0.8])
def test_finds_what_a_comparison_of_all_finds(similarity):
    rnd = random.Random(0)
    texts = []
    for _ in range(60):
        words = [f"w{rnd.randrange(1000)}" for _ in range(40)]
        texts.append(" ".join(words))
        for _ in range(rnd.randrange(3)):
            words[rnd.randrange(40)] = "changed"
            texts.append(" ".join(words))
    shingles = [get_shingles(text) for text in texts]
    expected = {}
    for j, b in enumerate(shingles):
        for i, a in enumerate(shingles[:j]):
            alike = len(a & b) / len(a | b)
            if alike >= similarity:
                expected[(i, j)] = pytest.approx(alike)
    assert len(expected) > 10
    assert find_similar(make(*texts), similarity) == expected


def test_many_texts_alike_take_no_square_of_time(monkeypatch):
    compared = []
    compare = repeats._compare

    def count(a, b):
        compared.append(1)
        return compare(a, b)

    monkeypatch.setattr(repeats, "_compare", count)
    n = 300
    texts = [f"{TEXT} {TEXT.upper()} {TEXT} end{i}" for i in range(n)]
    found = find_similar(make(*texts), 0.7)
    assert {i for pair in found for i in pair} == set(range(n))
    assert len(compared) < n * n / 4


def test_a_long_text_is_hashed_in_blocks(monkeypatch):
    text = " ".join(f"w{i}" for i in range(100))
    (whole,) = make(text)
    monkeypatch.setattr(repeats, "BLOCK", 7)
    (parts,) = make(text)
    assert (whole.signature == parts.signature).all()


@pytest.mark.parametrize("text", ["", " \n ", "one", "one two"])
def test_short_texts(text):
    (found,) = make(text)
    assert len(found.shingles) == bool(text.strip())
    assert find_similar([found], 0.7) == {}
    splits = {"train": [found], "dev": make(text, "quite another one")}
    assert find_row(find_repeats(splits), "dev", "train")["same"] == 1


def test_no_texts():
    assert find_similar([], 0.7) == {}
    assert find_repeats({"train": []})["splits"][0]["same"] == 0


def test_advice_names_number_and_example():
    docs = {
        "train": [make_doc(TEXT, "x"), make_doc("a b c d")],
        "dev": [make_doc("a b c d"), make_doc(f"{TEXT} end", "x")],
    }
    result = inspect_splits(docs)
    same, nearly, group = [x for x in result["advice"] if x["about"] == "repeats"]
    assert same["level"] == nearly["level"] == group["level"] == "warn"
    assert same["text"].startswith("1 of 2 texts of dev is also in train (such as 'a b")
    assert nearly["text"].startswith("1 of 2 texts of dev is a near duplicate of")
    assert group["text"].startswith("1 of 2 documents of dev belongs to a group")
