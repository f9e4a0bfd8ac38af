"""The corpus that ships with the project: each offset, index and relation."""

import itertools
import json
from collections import Counter

import pytest

from tests.paths import ASSETS

from .formats.util import read

PATH = ASSETS / "job_ads.json"
ADS = json.loads(PATH.read_text(encoding="utf8"))
TYPES = {
    "EXPERIENCE_IN": ("EXPERIENCE", {"SKILLS"}),
    "DEGREE_IN": ("DIPLOMA", {"DIPLOMA_MAJOR"}),
}
ENTITY_TYPES = {"EXPERIENCE", "SKILLS", "DIPLOMA", "DIPLOMA_MAJOR"}


@pytest.mark.parametrize("number", range(len(ADS)))
def test_ad_is_consistent(number):
    ad = ADS[number]
    text = ad["document"]
    entities = {}
    for entity in ad["tokens"]:
        start, end = entity["start"], entity["end"]
        assert text[start:end] == entity["text"] == entity["text"].strip() != ""
        assert entity["entityLabel"] in ENTITY_TYPES
        assert 0 <= entity["token_start"] <= entity["token_end"]
        assert entity["token_start"] not in entities
        entities[entity["token_start"]] = entity
    in_order = sorted(entities.values(), key=lambda e: e["start"])
    for one, other in itertools.pairwise(in_order):
        assert one["end"] <= other["start"]
        assert one["token_end"] < other["token_start"]
    seen = set()
    for relation in ad["relations"]:
        head, child = entities[relation["head"]], entities[relation["child"]]
        head_type, child_types = TYPES[relation["relationLabel"]]
        assert head["entityLabel"] == head_type
        assert child["entityLabel"] in child_types
        key = (relation["head"], relation["child"], relation["relationLabel"])
        assert key not in seen
        seen.add(key)


def test_token_indices_count_words_of_the_text():
    """In one ad they have to rise with the characters, as of one tokenizer."""
    for ad in ADS:
        for entity in ad["tokens"]:
            n_words = len(ad["document"][: entity["start"]].split())
            assert entity["token_start"] >= n_words - 1
            assert entity["token_end"] - entity["token_start"] >= (
                len(entity["text"].split()) - 1
            )


def test_size_and_variety():
    assert len(ADS) >= 150
    texts = {" ".join(ad["document"].split()) for ad in ADS}
    assert len(texts) == len(ADS)
    assert 5 <= sum(not ad["relations"] for ad in ADS) <= len(ADS) // 4
    lengths = sorted(len(ad["document"].split()) for ad in ADS)
    assert lengths[0] < 30 and lengths[-1] > 200
    labels = Counter(r["relationLabel"] for ad in ADS for r in ad["relations"])
    assert set(labels) == set(TYPES) and min(labels.values()) >= 100


def test_converts_with_nothing_lost():
    docs, report = read(PATH)
    assert report.problems == []
    assert len(docs) == len(ADS)
    for doc, ad in zip(docs, ADS):
        assert doc.text == ad["document"]
        assert {(e.start_char, e.end_char, e.label_) for e in doc.ents} == {
            (e["start"], e["end"], e["entityLabel"]) for e in ad["tokens"]
        }
        assert len(doc._.relations) == len(ad["relations"])
    assert report.n_merged["relations"] == {} == report.n_merged["entities"]
