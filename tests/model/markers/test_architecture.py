"""Levitated markers, with tiny random transformers of each supported kind."""

import numpy
import pytest
import spacy
from numpy.testing import assert_allclose
from spacy.training import Example
from thinc.api import Config, fix_random_seed

pytest.importorskip("spacy_transformers")

import torch

from rel_component.corpus.readers import copy_without_relations
from rel_component.model.candidates import PairGenerator, get_candidates
from rel_component.model.markers.architecture import (
    _encode,
    create_marker_model,
    get_packing,
)
from rel_component.model.markers.passes import Packing, pack
from rel_component.model.pairs.buckets import get_types
from rel_component.model.transformer.checkpoint import (
    CheckpointError,
    OutOfMemoryError,
)
from rel_component.relations import get_rel
from rel_component.training.optimizers import create_two_rate_adam

from ...util import check_model_gradients, make_doc, numeric_gradient

WORDS = ["ann", "bob", "acme", "##s", "bolt", "hired", "joined", "a", "b", "##b", "."]
KINDS = ["bert", "roberta", "distilbert"]
N_POSITIONS = 40
TYPES = ["ORG", "PER"]


def make_config(kind):
    from transformers import BertConfig, DistilBertConfig, RobertaConfig

    if kind == "distilbert":
        return DistilBertConfig(
            vocab_size=5 + len(WORDS),
            dim=8,
            n_layers=2,
            n_heads=2,
            hidden_dim=12,
            max_position_embeddings=N_POSITIONS,
            dropout=0.0,
            attention_dropout=0.0,
        )
    extra = {"roberta": 2}.get(kind, 0)
    return {"bert": BertConfig, "roberta": RobertaConfig}[kind](
        vocab_size=5 + len(WORDS),
        hidden_size=8,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=12,
        max_position_embeddings=N_POSITIONS + extra,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        initializer_range=0.3,
        pad_token_id=1 if extra else 0,
    )


def save_checkpoint(path, kind="bert"):
    from transformers import AutoModel, BertTokenizerFast

    vocabulary = path / "vocab.txt"
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary.write_text("\n".join(special + WORDS), "utf8")
    AutoModel.from_config(make_config(kind)).save_pretrained(path)
    BertTokenizerFast(str(vocabulary)).save_pretrained(path)
    return str(path)


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    fix_random_seed(0)
    return {
        kind: save_checkpoint(tmp_path_factory.mktemp(kind), kind) for kind in KINDS
    }


@pytest.fixture
def checkpoint(checkpoints):
    return checkpoints["bert"]


@pytest.fixture
def docs(vocab):
    text = "ann hired bob . acme joined bolt"
    entities = [(0, 1, "PER"), (2, 3, "PER"), (4, 5, "ORG"), (6, 7, "ORG")]
    return [
        make_doc(vocab, text, entities),
        make_doc(vocab, "ann joined acmes .", [(0, 1, "PER"), (2, 3, "ORG")]),
        make_doc(vocab, "bob", [(0, 1, "PER")]),
        make_doc(vocab, ""),
        make_doc(
            vocab,
            "bolt . " * 30 + "ann hired bobbb",
            [(0, 1, "ORG"), (2, 3, "NEW"), (28, 50, "ORG"), (60, 61, "PER")],
        ),
    ]


def make_model(name, docs, *, is_random=True, **settings):
    fix_random_seed(0)
    settings = {"window": 16, "stride": 8, "vectors": True, **settings}
    settings = {"dropout": 0.0, **settings}
    model = create_marker_model(name, PairGenerator(), **settings)
    model.attrs["entity_types"] = TYPES
    candidates = get_candidates(PairGenerator(), docs)
    Y = numpy.zeros((len(candidates), 3), dtype="float32")
    model.initialize(X=(docs, candidates), Y=Y)
    if is_random:  # they begin with 0
        rng = numpy.random.default_rng(0)
        for layer in (model, model.get_ref("classify")):
            for param in filter(layer.has_param, layer.param_names):
                shape = layer.get_param(param).shape
                scale = 0.05 if layer is model and param != "markers" else 0.5
                layer.set_param(param, rng.normal(size=shape, scale=scale).astype("f"))
    return model, candidates


def encode(model, docs, candidates, markers, *, vectors=True):
    """Contextual markers of all pairs and vectors of their entities, and the passes
    that they were read in."""
    transformer = model.get_ref("transformer")
    hf = transformer.shims[0]._hfmodel
    packing = get_packing(model.attrs["reading"], hf.transformer)
    found = pack(docs, candidates, candidates.pairs, markers, hf.tokenizer, packing)
    inputs = (found, model.get_param("markers"), model.attrs["reading"], vectors)
    return transformer.predict(inputs), found


def to_bert(transformer):
    """DistilBERT is a BERT without types of token, which can be given positions."""
    from transformers import BertModel

    if transformer.config.model_type != "distilbert":
        return transformer
    names = {
        "transformer.layer": "encoder.layer",
        "attention.q_lin": "attention.self.query",
        "attention.k_lin": "attention.self.key",
        "attention.v_lin": "attention.self.value",
        "attention.out_lin": "attention.output.dense",
        "sa_layer_norm": "attention.output.LayerNorm",
        "ffn.lin1": "intermediate.dense",
        "ffn.lin2": "output.dense",
        "output_layer_norm": "output.LayerNorm",
    }
    state = {}
    for key, value in transformer.state_dict().items():
        for old, new in names.items():
            key = key.replace(old, new)
        state[key] = value
    bert = BertModel(make_config("bert"), add_pooling_layer=False)
    missing = bert.load_state_dict(state, strict=False)
    assert missing.missing_keys == ["embeddings.token_type_embeddings.weight"]
    bert.embeddings.token_type_embeddings.weight.data.zero_()
    return bert.eval()


@pytest.mark.parametrize("kind", KINDS)
def test_markers_match_a_masked_transformer(checkpoints, docs, kind):
    """All in one row with a mask, as in the papers, through the library's model."""
    model, candidates = make_model(checkpoints[kind], docs)
    kinds = 4 * numpy.arange(3)[:, None] + numpy.arange(4)
    markers = kinds[numpy.arange(len(candidates)) % 3]
    found, passes = encode(model, docs, candidates, markers)
    alone, _ = encode(model, docs, candidates, markers, vectors=False)
    wrapped = model.get_ref("transformer").shims[0]._hfmodel.transformer
    reference = to_bert(wrapped.transformer)
    first = 2 if kind == "roberta" else 0
    n_read = 0
    for window in (window for item in passes for window in item.windows):
        n_text, n = len(window.ids), len(window.ids) + window.markers.size
        words = reference.embeddings.word_embeddings(torch.as_tensor(window.ids))
        own = torch.as_tensor(model.get_param("markers")[window.markers.ravel()])
        positions = [window.positions, window.marker_positions.ravel()]
        mask = torch.zeros(n, n)
        mask[:, :n_text] = 1
        for i in range(n_text, n, 4):
            mask[i : i + 4, i : i + 4] = 1
        with torch.no_grad():
            output = reference(
                inputs_embeds=torch.cat([words, own])[None],
                position_ids=torch.as_tensor(numpy.concatenate(positions))[None]
                + first,
                token_type_ids=torch.zeros(1, n, dtype=torch.long),
                attention_mask=mask[None],
            )
        text, expected = output.last_hidden_state[0].split([n_text, n - n_text])
        assert_allclose(found[window.pairs, :32], expected.reshape(-1, 32), atol=2e-6)
        assert_allclose(alone[window.pairs], expected.reshape(-1, 32), atol=2e-6)
        for pair, spans in zip(window.pairs, window.spans.tolist()):
            of_both = [text[a : b + 1].max(dim=0).values for a, b in spans]
            assert_allclose(found[pair, 32:], torch.cat(of_both), atol=2e-6)
        n_read += len(window.pairs)
    assert n_read == len(candidates) == 12 + 2 + 12


def test_markers_have_the_positions_of_their_entities(checkpoint, vocab):
    entities = [(0, 1, "PER"), (2, 4, "ORG")]
    doc = make_doc(vocab, "ann joined acmes bobb .", entities)
    model, candidates = make_model(checkpoint, [doc])
    markers = numpy.zeros((2, 4), dtype=int)
    _, ((item,)) = encode(model, [doc], candidates, markers)
    # [CLS] ann joined acme ##s bob ##b . [SEP]
    assert item.ids.tolist()[1:-1] == [5, 11, 7, 8, 6, 14, 15]
    assert item.positions.tolist() == list(range(9))
    assert item.marker_positions.tolist() == [1, 1, 3, 6, 3, 6, 1, 1]
    assert item.span_pieces.tolist() == [1, 3, 4, 5, 6]
    assert item.span_lengths.tolist() == [1, 4]
    assert item.pair_spans.tolist() == [0, 1, 1, 0]


@pytest.mark.parametrize("directed", [True, False])
@pytest.mark.parametrize("vectors", [True, False])
def test_scores_do_not_depend_on_the_packing(checkpoint, docs, directed, vectors):
    settings = {"directed": directed, "vectors": vectors}
    model, candidates = make_model(checkpoint, docs, **settings)
    expected = model.predict((docs, candidates))
    assert expected.std(axis=0).min() > 0.01
    n_passes = set()
    for limit in (1, 24, 40, 70, 150):
        model.attrs["reading"].max_batch_pieces = limit
        assert_allclose(model.predict((docs, candidates)), expected, atol=1e-6)
        markers = numpy.zeros((len(candidates), 4), dtype=int)
        _, passes = encode(model, docs, candidates, markers)
        sizes = [len(item.windows) * (item.length + item.n_markers) for item in passes]
        assert max(sizes) <= max(limit, 18 + 4)
        n_passes.add(len(passes))
    assert len(n_passes) >= 4 and max(n_passes) == len(candidates)
    # nor on the pairs and the texts beside
    for i, doc in enumerate(docs):
        alone = get_candidates(PairGenerator(), [doc])
        _, rows = candidates.of_doc(i)
        if len(alone):
            assert_allclose(model.predict(([doc], alone)), expected[rows], atol=1e-6)
    some = numpy.arange(len(candidates)) % 3 == 0
    found = model.predict((docs, candidates.select(some)))
    assert_allclose(found, expected[some], atol=1e-6)


def test_undirected_scores_use_head_and_tail(checkpoint, docs):
    """What a pair's markers and vectors are does not depend on how it is read, but for
    the markers of a pair that is read the other way round."""
    found = {}
    for directed in (True, False):
        model, candidates = make_model(checkpoint, docs, directed=directed)
        types = get_types(model, candidates)
        found[directed], _ = _encode(
            model, docs, candidates, candidates.pairs, types, False
        )
    is_forward = candidates.pairs[:, 0] < candidates.pairs[:, 1]
    assert 0 < is_forward.sum() < len(is_forward)
    assert_allclose(found[False][is_forward], found[True][is_forward], atol=1e-6)
    assert_allclose(found[False][:, 32:], found[True][:, 32:], atol=1e-6)
    heads, tails = found[False][:, :16], found[False][:, 16:32]
    assert (numpy.abs(heads - tails).max(axis=1) > 1e-3).all()
    swapped = candidates.pairs.tolist()
    swapped = [swapped.index([b, a]) for a, b in candidates.pairs]
    assert_allclose(found[False][swapped, :16], tails, atol=1e-6)


def test_block_size_does_not_change_scores(checkpoint, docs, monkeypatch):
    model, candidates = make_model(checkpoint, docs, directed=False)
    expected = model.predict((docs, candidates))
    monkeypatch.setattr("rel_component.model.markers.architecture.BLOCK_SIZE", 5)
    assert_allclose(model.predict((docs, candidates)), expected, atol=1e-6)
    assert_allclose(model((docs, candidates), True)[0], expected, atol=1e-6)


def test_scores_depend_on_types_and_direction(checkpoint, docs):
    settings = {"types": False, "entities_between": False, "distance": False}
    doc = docs[0]
    model, candidates = make_model(checkpoint, [doc], **settings)
    scores = model.predict(([doc], candidates))
    swapped = [candidates.pairs.tolist().index([b, a]) for a, b in candidates.pairs]
    assert (numpy.abs(scores - scores[swapped]) > 1e-3).any()
    doc.ents = [doc.char_span(e.start_char, e.end_char, "PER") for e in doc.ents]
    other = model.predict(([doc], get_candidates(PairGenerator(), [doc])))
    assert (numpy.abs(other - scores) > 1e-3).any()
    model.attrs["typed"] = False
    untyped = model.predict(([doc], candidates))
    others = model.predict(([doc], get_candidates(PairGenerator(), [doc])))
    assert_allclose(untyped, others)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"vectors": False},
        {"directed": False, "output": "softmax"},
        {"directed": False, "vectors": False, "output": "softmax"},
    ],
)
def test_gradients(checkpoint, docs, settings):
    docs = [docs[1], docs[4]]
    model, candidates = make_model(checkpoint, docs, shared_words=True, **settings)
    candidates = candidates.select(numpy.arange(len(candidates)) % 3 == 0)
    transformer = model.get_ref("transformer").shims[0]._model.double()
    truth = numpy.random.default_rng(1).integers(0, 2, (len(candidates), 3))
    truth[:, 1:] *= 1 - truth[:, :1]

    def get_loss(scores):
        if "output" in settings:
            truth[:, 2] *= 1 - truth[:, 1]
            none = 1.0 - scores.sum(axis=1, keepdims=True)
            target = numpy.hstack([1 - truth.sum(axis=1, keepdims=True), truth])
            scores_of_all = numpy.hstack([none, scores])
            return -(target * numpy.log(scores_of_all)).sum(), scores - truth
        right = numpy.where(truth == 1, scores, 1.0 - scores)
        return -numpy.log(right).sum(), scores - truth

    inputs = (docs, candidates)
    check_model_gradients(model, inputs, get_loss, is_train=True)
    rng = numpy.random.default_rng(2)
    n_checked = 0
    for name, weights in transformer.named_parameters():
        if weights.grad is None:
            assert "pooler" in name
            continue
        array, found = weights.detach().numpy(), weights.grad.numpy()
        cells = [tuple(rng.integers(0, size) for size in array.shape) for _ in range(2)]
        cells.append(numpy.unravel_index(numpy.abs(found).argmax(), found.shape))
        expected = numeric_gradient(
            lambda: get_loss(model.predict(inputs))[0], array, cells=cells
        )
        for cell in cells:
            assert_allclose(found[cell], expected[cell], 1e-5, 1e-7, err_msg=name)
        n_checked += bool(found.any())
    assert n_checked > 30


def test_checkpointing_does_not_change_gradients(checkpoint, docs):
    grads = []
    for is_on in (False, True):
        model, candidates = make_model(
            checkpoint, docs, gradient_checkpointing=is_on, max_batch_pieces=60
        )
        scores, backprop = model.begin_update((docs, candidates))
        backprop(scores)
        shim = model.get_ref("transformer").shims[0]
        grads.append(
            [model.get_grad("markers")]
            + [p.grad.numpy() for p in shim._model.parameters() if p.grad is not None]
        )
    assert numpy.abs(grads[0][0]).max() > 0.01
    for plain, again in zip(*grads, strict=True):
        assert_allclose(plain, again, atol=1e-5)


def test_bfloat16_computes_nearly_the_same(checkpoint, docs):
    model, candidates = make_model(checkpoint, docs)
    exact = model.predict((docs, candidates))
    model.attrs["reading"].bfloat16_on_cpu = True
    rough = model.predict((docs, candidates))
    assert rough.dtype == "float32"
    assert 0 < numpy.abs(rough - exact).max() < 0.1
    scores, backprop = model.begin_update((docs, candidates))
    backprop(scores)
    assert numpy.isfinite(model.get_grad("markers")).all()


def test_no_pairs(checkpoint, docs):
    model, _ = make_model(checkpoint, docs)
    for batch in ([docs[3]], [docs[2], docs[3]]):
        candidates = get_candidates(PairGenerator(), batch)
        for is_train in (False, True):
            scores, backprop = model((batch, candidates), is_train)
            assert scores.shape == (0, 3)
            backprop(scores)


def test_entities_of_whitespace_and_without_pieces(checkpoint, vocab):
    doc = make_doc(vocab, ["ann", " ", "\n", "bob"], [(0, 1, "PER"), (3, 4, "PER")])
    doc.spans["all"] = [doc[i : i + 1] for i in range(4)]
    blank = make_doc(vocab, [" ", "\n"])
    blank.spans["all"] = [blank[:1], blank[1:]]
    model, _ = make_model(checkpoint, [doc])
    docs = [doc, blank]
    candidates = get_candidates(PairGenerator(spans_key="all"), docs)
    assert len(candidates) == 14
    assert numpy.isfinite(model.predict((docs, candidates))).all()


def test_the_transformer_and_the_markers_learn_at_two_rates(checkpoint, docs):
    model, candidates = make_model(checkpoint, docs)
    scales = {}
    optimizer = create_two_rate_adam(0.001, task_lr_scale=7.0)

    class Recorder(type(optimizer)):
        def __call__(self, key, weights, gradient, *, lr_scale=1.0):
            before = weights.copy()
            result = super().__call__(key, weights, gradient, lr_scale=lr_scale)
            scales[key[1]] = numpy.abs(result[0] - before).max()
            return result

    optimizer.__class__ = Recorder
    scores, backprop = model.begin_update((docs, candidates))
    backprop(scores)
    model.finish_update(optimizer)
    fast = {name for name, step in scales.items() if step > 0.004}
    slow = {name for name, step in scales.items() if 0.0005 < step < 0.0015}
    assert fast >= {"markers", "type_pairs", "W", "b", "_distance"}
    assert "transformer.embeddings.word_embeddings.weight" in slow
    assert "transformer.encoder.layer.1.output.dense.weight" in slow
    assert len(slow) > 20


CONFIG = """
[model]
@architectures = "rel_component.MarkerModel.v1"
window = 16
stride = 8
distance = false
entities_between = false
boundaries = false
nesting = false
types = false
dropout = 0.0

[model.get_instances]
@misc = "rel_component.PairGenerator.v1"
"""


def make_nlp(name, **settings):
    config = Config().from_str(CONFIG)
    config["model"].update(name=name, **settings)
    nlp = spacy.blank("en")
    nlp.add_pipe("relation_extractor", config=config)
    return nlp


def make_golds(vocab):
    """The verb and the direction decide; the firms are far from each other."""
    golds = []
    for firm in ("acme", "bolt"):
        for person in ("ann", "bob"):
            people = [(0, 1, "PER"), (2, 3, "ORG"), (23, 24, "ORG")]
            text = f"{person} joined {firm} " + ". " * 20 + firm
            golds.append(make_doc(vocab, text, people, [(0, "JOINED", 1)]))
            firms = [(0, 1, "ORG"), (2, 3, "PER"), (23, 24, "ORG")]
            text = f"{firm} hired {person} " + ". " * 20 + firm
            golds.append(make_doc(vocab, text, firms, [(0, "HIRED", 1)]))
    return golds


@pytest.mark.parametrize("directed", [True, False])
def test_learns_and_is_saved(tmp_path, directed):
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    nlp = make_nlp(save_checkpoint(folder), directed=directed)
    golds = make_golds(nlp.vocab)

    def get_examples():
        return [Example(copy_without_relations(gold), gold) for gold in golds]

    nlp.initialize(get_examples)
    optimizer = create_two_rate_adam(0.003, task_lr_scale=4.0)
    for _ in range(60):
        nlp.update(get_examples(), sgd=optimizer)
    assert nlp.evaluate(get_examples())["rel_strict_f"] == 1.0
    nlp.to_disk(tmp_path / "saved")
    again = make_nlp("nowhere", directed=directed)
    again.from_bytes(nlp.to_bytes())
    folder.rename(tmp_path / "gone")
    loaded = spacy.load(tmp_path / "saved")
    key = "components.relation_extractor.model.max_batch_pieces"
    other = spacy.load(tmp_path / "saved", config={key: 50})
    for gold in golds:
        expected = get_rel(nlp(copy_without_relations(gold)))
        for pipeline in (again, loaded, other):
            found = get_rel(pipeline(copy_without_relations(gold)))
            assert found.keys() == expected.keys()
            for pair, cells in expected.items():
                assert found[pair] == pytest.approx(cells, abs=1e-5)
    reading = other.get_pipe("relation_extractor").model.attrs["reading"]
    assert reading.max_batch_pieces == 50
    with pytest.raises(ValueError, match="window is 39; expected 2 to 38 word pieces"):
        key = "components.relation_extractor.model.window"
        spacy.load(tmp_path / "saved", config={key: 39})(
            copy_without_relations(golds[0])
        )


def test_markers_are_initialized_from_type_names(checkpoint, docs):
    model, _ = make_model(checkpoint, docs, is_random=False)
    markers = model.get_param("markers")
    assert markers.shape == (4 * 3, 8)
    assert len(numpy.unique(markers.round(4), axis=0)) == 12
    fresh = make_model(checkpoint, docs, is_random=False)[0].predict
    candidates = get_candidates(PairGenerator(), docs)
    assert (fresh((docs, candidates)) == 0.5).all()


def test_invalid_settings(tmp_path, checkpoint, docs):
    from transformers import GPT2Config, GPT2Model

    with pytest.raises(
        CheckpointError, match="window is 39; expected 2 to 38 word pieces"
    ):
        make_model(checkpoint, docs, window=39)
    with pytest.raises(CheckpointError, match="stride is 17; expected 1 to 16"):
        make_model(checkpoint, docs, stride=17)
    with pytest.raises(CheckpointError, match="window is 1; "):
        Packing(window=1, stride=1, max_batch_pieces=99, n_positions=512)
    with pytest.raises(CheckpointError, match="no fast tokenizer"):
        make_model(checkpoint, docs, tokenizer_config={"use_fast": False})
    path = save_checkpoint(tmp_path)
    config = GPT2Config(vocab_size=16, n_embd=8, n_layer=1, n_head=2, n_positions=40)
    GPT2Model(config).save_pretrained(path)
    with pytest.raises(
        CheckpointError, match="transformer of type 'gpt2'; expected one of"
    ):
        make_model(path, docs)
    with pytest.raises(CheckpointError, match="position_embedding_type 'relative_key'"):
        settings = {"position_embedding_type": "relative_key"}
        make_model(checkpoint, docs, transformer_config=settings)


@pytest.mark.parametrize("at", ["forward", "backward"])
def test_insufficient_memory(checkpoint, docs, monkeypatch, at):
    def raise_error(*args, **kwargs):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    model, candidates = make_model(checkpoint, docs)
    scores, backprop = model.begin_update((docs, candidates))
    if at == "backward":
        monkeypatch.setattr("torch.autograd.backward", raise_error)
        with pytest.raises(OutOfMemoryError, match="on the GPU for"):
            backprop(scores)
        return
    monkeypatch.setattr(
        "transformers.models.bert.modeling_bert.BertSelfOutput.forward", raise_error
    )
    with pytest.raises(OutOfMemoryError, match="on the GPU for"):
        model.predict((docs, candidates))


def test_mixed_precision_is_disabled_without_gpu(checkpoints):
    nlp = make_nlp(checkpoints["bert"], mixed_precision=True)
    golds = make_golds(nlp.vocab)
    examples = [Example(copy_without_relations(gold), gold) for gold in golds]
    nlp.initialize(lambda: examples)
    losses = [nlp.update(examples)["relation_extractor"] for _ in range(2)]
    assert losses[1] != losses[0]
