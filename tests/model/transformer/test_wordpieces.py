"""Against spacy-transformers' own reading of the same windows."""

import numpy
import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("spacy_transformers")

from spacy.tokens import Doc
from spacy_transformers.align import get_alignment_via_offset_mapping
from spacy_transformers.data_classes import WordpieceBatch
from spacy_transformers.layers.transformer_model import huggingface_tokenize
from spacy_transformers.span_getters import get_strided_spans

from rel_component.model.transformer.wordpieces import read_wordpieces

TEXTS = [
    "ann works for  acme . bbb aaa",
    "",
    "\n x\tann 😀 ünïcode¬zz",
    "acme",
    " ann works for acme . " * 5,
]


@pytest.fixture(scope="module")
def tokenizers(checkpoint, tmp_path_factory):
    """WordPiece, bytes (RoBERTa), pieces that hold the blank before them (XLM-R)."""
    from tokenizers import (
        ByteLevelBPETokenizer,
        Tokenizer,
        models,
        pre_tokenizers,
        trainers,
    )
    from transformers import (
        AutoTokenizer,
        PreTrainedTokenizerFast,
        RobertaTokenizerFast,
    )

    path = tmp_path_factory.mktemp("tokenizers")
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    by_bytes = ByteLevelBPETokenizer()
    by_bytes.train_from_iterator(TEXTS, special_tokens=special, show_progress=False)
    by_bytes.save_model(str(path))
    files = str(path / "vocab.json"), str(path / "merges.txt")
    by_piece = Tokenizer(models.Unigram())
    by_piece.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        special_tokens=special, unk_token="<unk>", show_progress=False
    )
    by_piece.train_from_iterator(TEXTS, trainer)
    names = {"pad_token": "<pad>", "unk_token": "<unk>"}
    return {
        "wordpiece": AutoTokenizer.from_pretrained(checkpoint),
        "bytes": RobertaTokenizerFast(*files),
        "bytes_with_blank": RobertaTokenizerFast(*files, trim_offsets=False),
        "metaspace": PreTrainedTokenizerFast(tokenizer_object=by_piece, **names),
        "left": AutoTokenizer.from_pretrained(checkpoint, padding_side="left"),
    }


def assert_same(tokenizer, docs, window, stride):
    spans = [x for xs in get_strided_spans(docs, window, stride) for x in xs]
    encoding = huggingface_tokenize(tokenizer, [span.text for span in spans])
    expected = WordpieceBatch.from_batch_encoding(encoding)
    expected_align = get_alignment_via_offset_mapping(spans, encoding["offset_mapping"])
    found, align = read_wordpieces(tokenizer, spans)
    assert found.strings == expected.strings
    assert found.lengths == expected.lengths
    for name in ("input_ids", "attention_mask", "token_type_ids"):
        one, two = getattr(found, name), getattr(expected, name)
        assert (one is None) == (two is None)
        if one is not None:
            assert one.dtype == two.dtype
            assert numpy.array_equal(one, two)
    assert align.dataXd.tolist() == expected_align.dataXd.tolist()
    assert align.lengths.tolist() == expected_align.lengths.tolist()


NAMES = ["wordpiece", "bytes", "bytes_with_blank", "metaspace", "left"]


@pytest.mark.parametrize("name", NAMES)
def test_matches_spacy_transformers(tokenizers, name):
    docs = list(spacy.blank("en").pipe(TEXTS))
    for window, stride in ((4, 3), (8, 2), (100, 100)):
        assert_same(tokenizers[name], docs, window, stride)


words = st.text(st.characters(codec="utf8"), min_size=1, max_size=6)


@given(st.lists(st.lists(st.tuples(words, st.booleans()), max_size=8), min_size=1))
def test_any_words_are_aligned_like_in_spacy_transformers(tokenizers, texts):
    vocab = spacy.blank("en").vocab
    docs = [Doc(vocab, *map(list, zip(*text))) for text in texts if text]
    if docs:
        for name in NAMES[:3]:
            assert_same(tokenizers[name], docs, 3, 2)


def test_saved_truncation_is_ignored(tokenizers):
    tokenizer = tokenizers["wordpiece"]
    tokenizer.backend_tokenizer.enable_truncation(5)
    (span,) = [spacy.blank("en")("ann works for acme . ann works for acme")[:]]
    wordpieces, align = read_wordpieces(tokenizer, [span])
    assert wordpieces.lengths == [11]
    assert align.lengths.tolist() == [1] * 9
