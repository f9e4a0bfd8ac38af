"""Any text becomes tokens in linear time, and normal text the tokens of spaCy."""

import pickle
import random
import time

import pytest
import spacy

from rel_component.inference.tokenization import (
    MAX_RUN,
    bound_tokenizer,
    cut_runs,
    tokenize,
)

N = 100_000
CHARACTERS = "aZé1Я中か.,:;!?'\"()[]<>«»-–_/@#$€%°+*=|~^…😀\u0301mkg"
STRETCHES = [
    "...",
    "))",
    '"(',
    "10km",
    "'s",
    "http://x.y/?a=b&",
    "a@b.de",
    "U.S.",
    "--",
]


def make_text(rng):
    """Words of which many are long, or begin or end with a lot of punctuation."""
    words = []
    for _ in range(60):
        pool = rng.choices(CHARACTERS, k=rng.choice([1, 2, 5, 20]))
        words.append(
            "".join(rng.choices(pool, k=rng.choice([1, 5, 23, 24, 25, 60, 300])))
        )
        word = "".join(rng.choices("abcd", k=rng.choice([0, 3, 20, 40])))
        words.append(word + rng.choice(STRETCHES) * rng.choice([1, 2, 9, 30]))
        words.append(rng.choice(STRETCHES) * rng.choice([1, 2, 9, 30]) + word)
    return " ".join(words)


@pytest.mark.parametrize("lang", ["en", "fr", "hu", "bn", "ru"])
def test_tokens_are_those_of_spacy(lang):
    ours, its = spacy.blank(lang), spacy.blank(lang)
    for seed in range(6):
        text = make_text(random.Random(seed))
        found, expected = tokenize(ours, text), its.make_doc(text)
        assert [(t.text, t.whitespace_, t.norm_) for t in found] == [
            (t.text, t.whitespace_, t.norm_) for t in expected
        ]


def test_long_runs_are_cut_and_nothing_is_lost(nlp):
    text = f" I don't {'a' * (2 * MAX_RUN + 3)}\n\n{'b' * MAX_RUN} {'(' * 1500}don't  "
    assert "".join(cut_runs(text)) == text
    doc = tokenize(nlp, text)
    assert doc.text == text
    words = [len(token) for token in doc if token.text[0] in "ab"]
    assert words == [MAX_RUN, MAX_RUN, 3, MAX_RUN]
    assert [token.norm_ for token in doc][2:4] == ["do", "not"]
    # and once more: nothing is remembered of the text before
    assert [t.text for t in tokenize(nlp, "I don't")] == ["I", "do", "n't"]


ATTACKS = {
    "brackets": "(" * N,
    "brackets to close": ")" * N,
    "emoji": "😀" * N,
    "currency": "$" * N,
    "addresses": "http://a.b/" * (N // 11),
    "credentials": "http://" + "a:" * (N // 2),
    "e-mail": "a@" * (N // 2),
    "quotes": "\"'" * (N // 2),
    "genitives": "'s" * (N // 2),
    "dots": "." * N,
    "letters": "a" * N,
    "blanks": " " * N,
    "lines": "\n" * N,
    "both ends": "(" * (N // 2) + ")" * (N // 2),
    "many runs": " ".join("(" * n for n in range(1, 440)),
    "runs that differ": " ".join("$" * 300 + str(n) for n in range(N // 304)),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_no_text_takes_long(nlp, name):
    bound_tokenizer(nlp.tokenizer)
    begun = time.process_time()
    doc = tokenize(nlp, ATTACKS[name])
    # without bounds each but the plain ones takes from ten seconds to many minutes
    assert time.process_time() - begun < 3
    assert doc.text == ATTACKS[name]


def test_a_pipeline_is_saved_and_sent_as_before(nlp):
    before = nlp.tokenizer.to_bytes()
    tokenize(nlp, "a")
    assert nlp.tokenizer.to_bytes() == before
    copied = pickle.loads(pickle.dumps(nlp.tokenizer))
    assert [t.text for t in copied("(don't)")] == ["(", "do", "n't", ")"]


def test_other_tokenizers_are_left_alone(nlp):
    nlp.tokenizer = lambda text: spacy.tokens.Doc(nlp.vocab, words=text.split("-"))
    assert [t.text for t in tokenize(nlp, "a-b")] == ["a", "b"]


def test_longer_texts_than_spacy_takes_are_refused_by_it(nlp):
    nlp.max_length = 10
    with pytest.raises(ValueError, match="E088"):
        tokenize(nlp, "a" * 11)
