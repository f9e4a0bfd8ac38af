import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import Span

from rel_component import Relation, set_relations
from rel_component.corpus.splits import (
    SplitItem,
    Splitter,
    find_leaks,
    parse_shares,
    split_by_group,
    split_documents,
)
from rel_component.relations import SOURCE_KEY

SHARES = {"train": 0.7, "dev": 0.15, "test": 0.15}
ITEMS = st.lists(
    st.builds(
        SplitItem,
        st.sampled_from(["a", "b", "c", "d e", "d  e", "f", "g", "h"]),
        st.sampled_from([None, "1", "2", "3", "4", "5"]),
        st.dictionaries(st.sampled_from("XYZ"), st.integers(0, 5)),
    ),
    min_size=1,
    max_size=40,
)


def many(n, n_rare=0):
    return [
        SplitItem(f"text {i}", None, {"common": 2, "rare": int(i < n_rare)})
        for i in range(n)
    ]


@settings(deadline=None)
@given(ITEMS, st.integers(0, 3))
def test_text_and_group_never_land_in_two_splits(items, seed):
    try:
        splits = split_documents(items, SHARES, seed=seed)
    except ValueError as error:
        assert "have to stay together" in str(error)
        return
    assert set(splits) == set(SHARES)
    assert find_leaks(items, splits) == {}
    for group in {item.group for item in items} - {None}:
        assert len({s for i, s in zip(items, splits) if i.group == group}) == 1


def test_shares_and_rare_labels_are_kept():
    items = many(200, n_rare=20)
    splits = split_documents(items, SHARES)
    for name, share in SHARES.items():
        mine = [item for item, split in zip(items, splits) if split == name]
        assert abs(len(mine) - 200 * share) <= 2
        assert abs(sum(item.counts["rare"] for item in mine) - 20 * share) <= 1


def test_same_seed_same_split():
    items = many(50)
    assert split_documents(items, SHARES, seed=1) == split_documents(
        items, SHARES, seed=1
    )
    assert split_documents(items, SHARES, seed=1) != split_documents(
        items, SHARES, seed=2
    )


def test_share_of_zero_is_no_split():
    assert set(split_documents(many(5), {"train": 1, "dev": 1, "test": 0})) == {
        "train",
        "dev",
    }


@pytest.mark.parametrize(
    "shares", [{"a": 0, "b": 0}, {"a": -1, "b": 2}, {"a": float("nan")}, {}]
)
def test_impossible_shares_are_refused(shares):
    with pytest.raises(ValueError, match="expected numbers from 0 on"):
        split_documents(many(3), shares)


def test_shares_in_words():
    assert parse_shares("0.7,0.15,0.15") == SHARES
    assert parse_shares("0.8,0.2") == {"train": 0.8, "dev": 0.2}


@pytest.mark.parametrize("text", ["", "1", "0.7;0.3", "0.7,0.7", "2,-1", "nan,1"])
def test_wrong_shares_are_refused(text):
    with pytest.raises(ValueError, match="sum to 1"):
        parse_shares(text)


def test_rules_by_group():
    groups = ["PMC-14", "PMC-23", "PMC-5", None]
    splits = split_by_group(groups, {"dev": "4$", "test": "3$"})
    assert splits == ["dev", "test", "train", "train"]
    with pytest.raises(ValueError, match="--dev-groups '\\(': not a regular"):
        Splitter("0.8,0.2", dev="(")


def test_leaks_ignore_whitespace():
    items = [SplitItem("a b"), SplitItem("a  b\n"), SplitItem("c")]
    assert find_leaks(items, ["train", "dev", "dev"]) == {"train, dev": 1}


def test_item_from_doc():
    doc = spacy.blank("en")("Ann works at Acme")
    doc.ents = [Span(doc, 0, 1, label="PER"), Span(doc, 3, 4, label="ORG")]
    set_relations(doc, [Relation(doc.ents[0], "WORKS_AT", doc.ents[1])])
    doc.user_data[SOURCE_KEY] = {"group": "7"}
    item = SplitItem.from_doc(doc)
    assert item.group == "7"
    assert len(item.text) == 40
    assert item.counts == {
        ("relation", "WORKS_AT"): 1,
        ("entity", "PER"): 1,
        ("entity", "ORG"): 1,
    }
