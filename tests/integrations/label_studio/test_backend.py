"""Label Studio's requests, as it makes them, and a Label Studio that only exports."""

import base64
import itertools
import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import spacy
from schemathesis import GenerationMode
from spacy.tokens import DocBin

from rel_component.corpus.readers import read_docs
from rel_component.formats import Options, Report, iter_docs
from rel_component.inference.service import ServiceSettings, create_app
from rel_component.integrations.label_studio import (
    BackendSettings,
    add_label_studio,
    retraining,
)
from rel_component.integrations.label_studio.retraining import (
    Trainer,
    TrainingJob,
    add_documents,
    read_progress,
)

from ...inference.service.random_requests import check_requests
from ...inference.service.server import run_client, wait_until
from ...inference.service.test_body import check_turn
from .test_config import CONFIG

NAMES = {"Ann": "PERSON", "Bob": "PERSON", "Acme": "ORG", "Oslo": "PLACE"}
TEXT = "Ann works for Acme and Bob in Oslo"
CONFIG = CONFIG.replace("$article", "$text")


def make_config(path):
    """Entities and relations of raw text, by few weights, in four steps."""
    nlp = spacy.blank("en")
    tok2vec = {
        "@architectures": "spacy.HashEmbedCNN.v2",
        "pretrained_vectors": None,
        **{"width": 16, "depth": 1, "embed_size": 100, "window_size": 1},
        **{"maxout_pieces": 2, "subword_features": False},
    }
    nlp.add_pipe("ner", config={"model": {"tok2vec": tok2vec}})
    nlp.add_pipe("relation_extractor")
    config = nlp.config.copy()
    config["paths"]["log"] = None
    for name in ("train", "dev"):
        reader = {"@readers": "rel_component.GoldTokensCorpus.v1"}
        config["corpora"][name] = {**reader, "file": "${paths." + name + "}"}
    config["training"] = {
        **config["training"],
        **{"max_steps": 4, "eval_frequency": 2},
        "logger": {
            "@loggers": "rel_component.ConsoleLogger.v1",
            "output_file": "${paths.log}",
        },
    }
    config.to_disk(path)
    return path


def build(labels=("WORKS_FOR",), symmetric=()):
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns(
        [{"label": label, "pattern": name} for name, label in NAMES.items()]
    )
    ruler = nlp.add_pipe("relation_ruler", config={"symmetric": list(symmetric)})
    near = {"max_tokens": 3, "order": "head_first", "score": 0.75}
    ends = {"head": "PERSON", "tail": ["ORG", "PERSON", "PLACE"]}
    ruler.add_patterns([{"label": label, **ends, **near} for label in labels])
    return nlp


@contextmanager
def make_client(settings=None, backend=None, **model):
    app = create_app(build(**model), settings)
    added = add_label_studio(app, backend or BackendSettings())
    with run_client(app) as client:
        client.backend = added
        yield client


def ask(client, tasks, **more):
    tasks = [{"id": i, "data": data} for i, data in enumerate(tasks)]
    message = {"tasks": tasks, "label_config": CONFIG, "project": "7.1700000000"}
    return client.post("/label-studio/predict", json={**message, **more})


def test_predictions_for_tasks():
    with make_client() as client:
        response = ask(client, [{"text": TEXT, "id": 3}, {"text": ""}]).json()
    first, empty = response["results"]
    assert response["model_version"] == first["model_version"] == "en_pipeline-0.0.0"
    regions = {x["id"]: x for x in first["result"] if x["type"] == "labels"}
    # PLACE is not in the labeling config, so Label Studio could not show it
    assert [x["value"]["text"] for x in regions.values()] == ["Ann", "Acme", "Bob"]
    for region in regions.values():
        value = region["value"]
        assert (region["from_name"], region["to_name"]) == ("label", "body")
        assert TEXT[value["start"] : value["end"]] == value["text"]
        assert value["labels"] == [NAMES[value["text"]]]
    (link,) = (x for x in first["result"] if x["type"] == "relation")
    ends = [regions[link[x]]["value"]["text"] for x in ("from_id", "to_id")]
    assert (ends, link["labels"], link["direction"]) == (
        ["Ann", "Acme"],
        ["WORKS_FOR"],
        "right",
    )
    assert first["score"] == 0.75
    assert (empty["result"], empty["score"]) == ([], 1.0)


def test_several_and_symmetric_labels():
    labels = ("WORKS_FOR", "KNOWS", "NOT_IN_THE_CONFIG")
    with make_client(labels=labels, symmetric=["KNOWS"]) as client:
        (found,) = ask(client, [{"text": TEXT}]).json()["results"]
    links = [x for x in found["result"] if x["type"] == "relation"]
    assert sorted((x["direction"], *x["labels"]) for x in links) == [
        ("bi", "KNOWS"),
        ("right", "WORKS_FOR"),
    ]
    # Label Studio keeps one relation for each ordered pair
    assert len({(x["from_id"], x["to_id"]) for x in links}) == 2


def test_a_prediction_is_read_as_an_annotation(tmp_path):
    """The round trip: what is predicted and accepted comes back as it was."""
    with make_client(labels=("WORKS_FOR", "KNOWS"), symmetric=["KNOWS"]) as client:
        (found,) = ask(client, [{"text": TEXT}]).json()["results"]
    task = {"id": 1, "data": {"text": TEXT}, "annotations": [found]}
    path = tmp_path / "export.json"
    path.write_text(json.dumps([task]), encoding="utf8")
    (doc,) = iter_docs([path], Options(), Report())
    assert sorted((r.head.text, r.label, r.tail.text) for r in doc._.relations) == [
        ("Acme", "KNOWS", "Ann"),
        ("Ann", "KNOWS", "Acme"),
        ("Ann", "WORKS_FOR", "Acme"),
    ]


def test_all_tasks_of_a_project_in_one_request():
    limits = ServiceSettings(max_texts=3, max_chars=200, max_queue=4)
    texts = [{"text": f"{TEXT} {i}"} for i in range(20)]
    with make_client(limits) as client:
        found = ask(client, texts).json()["results"]
        assert [len(x["result"]) for x in found] == [4] * 20
        too_long = ask(client, [{"text": "x" * 201}])
    assert too_long.status_code == 413 and "201 characters" in too_long.text


def test_other_large_requests_do_not_wait_for_a_project(monkeypatch):
    app = create_app(build())
    add_label_studio(app, BackendSettings())
    tasks = [{"data": {"text": f"{TEXT}{' ' * 1_000}"}} for _ in range(70)]
    message = {"tasks": tasks, "label_config": CONFIG, "project": "7"}
    check_turn(app, monkeypatch, "/label-studio/predict", message)


def test_setup_of_a_project():
    with make_client() as client:
        assert client.get("/label-studio/health").json()["status"] == "UP"
        assert client.get("/label-studio/versions").json() == {
            "versions": ["en_pipeline-0.0.0"]
        }
        missing = ask(client, [{"text": TEXT}], label_config=None)
        assert missing.status_code == 422 and "labeling config" in missing.text
        message = {
            "project": "7.1700000000",
            "schema": CONFIG,
            "hostname": "http://localhost:8080",
            "access_token": "x",
            "extra_params": None,
        }
        found = client.post("/label-studio/setup", json=message).json()
        assert found == {"model_version": "en_pipeline-0.0.0"}
        # now the config is known
        assert ask(client, [{"text": TEXT}], label_config=None).status_code == 200


TOLD = "ANNOTATION_CREATED"


@pytest.mark.parametrize(
    "path, body, status, message",
    [
        ("predict", {"tasks": []}, 422, "tasks"),
        ("predict", {"label_config": CONFIG}, 422, "tasks"),
        ("predict", {"tasks": [{"data": {"body": "x"}}]}, 422, "value='$text'"),
        ("predict", {"tasks": [{"data": {"text": 3}}]}, 422, "found int; expected the"),
        ("predict", {"tasks": [{}], "label_config": "<View>"}, 422, "not XML"),
        ("setup", {"schema": "<View/>"}, 422, "no <Labels>"),
        ("train", {"project": "7.1"}, 409, "Training is disabled"),
        ("webhook", {"action": "START_TRAINING"}, 409, "Training is disabled"),
        ("webhook", {"action": "TASKS_CREATED", "project": {"id": 7}}, 200, "ok"),
        ("webhook", {"action": TOLD, "project": "9" * 50}, 422, "expected a number"),
        ("job_status", {"job": "x"}, 404, "found 'x'; expected the id"),
    ],
)
def test_error_messages(path, body, status, message):
    if path == "predict":
        body = {"label_config": CONFIG, **body}
    with make_client() as client:
        response = client.post(f"/label-studio/{path}", json=body)
    assert response.status_code == status and message in response.text


def test_no_request_causes_a_server_error():
    paths = ["setup", "predict", "webhook", "train", "job_status"]
    with make_client() as client:
        for path, mode in itertools.product(paths, GenerationMode):
            path = f"/label-studio/{path}"
            check_requests(str(client.base_url), "POST", path, mode, max_examples=10)


def test_basic_auth():
    """Label Studio knows basic authentication only."""
    with make_client(ServiceSettings(api_key="secret")) as client:
        for credentials, status in ((b"any:secret", 200), (b"secret:any", 401)):
            basic = f"Basic {base64.b64encode(credentials).decode()}"
            headers = {"Authorization": basic}
            found = client.get("/label-studio/health", headers=headers)
            assert found.status_code == status
        broken = {"Authorization": "Basic ???"}
        assert client.get("/label-studio/health", headers=broken).status_code == 401


class LabelStudio(BaseHTTPRequestHandler):
    """Exports annotations to whoever has the token."""

    annotations = b"[]"

    def do_GET(self):
        is_export = self.path == "/api/projects/7/export?exportType=JSON"
        is_allowed = self.headers["Authorization"] in ("Token good", "Bearer access")
        self.send_response(200 if is_export and is_allowed else 401)
        self.end_headers()
        self.wfile.write(self.annotations)

    def do_POST(self):
        """A personal access token is changed for one that is valid for minutes."""
        length = int(self.headers["Content-Length"])
        is_known = json.loads(self.rfile.read(length)) == {"refresh": "a.b.c"}
        self.send_response(200 if is_known else 401)
        self.end_headers()
        self.wfile.write(b'{"access": "access"}')

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def label_studio():
    with make_client() as client:
        texts = [f"{name} works for Acme, year {i}" for i in range(8) for name in NAMES]
        found = ask(client, [{"text": text} for text in texts]).json()["results"]
    LabelStudio.annotations = json.dumps(
        [
            {"id": i, "data": {"text": text}, "annotations": [made]}
            for i, (text, made) in enumerate(zip(texts, found))
        ]
    ).encode()
    server = ThreadingHTTPServer(("127.0.0.1", 0), LabelStudio)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def wait(client, job):
    for _ in range(1200):
        body = {"job": job}
        found = client.post("/label-studio/job_status", json=body).json()
        if found["job_status"] in ("done", "failed"):
            return found
        time.sleep(0.1)
    raise AssertionError(found)


def test_retraining(label_studio, tmp_path):
    """From the button in Label Studio to another model, while the old one answers."""
    config = make_config(tmp_path / "tiny.cfg")
    backend = BackendSettings(
        url=label_studio, key="a.b.c", config=config, folder=tmp_path / "models"
    )
    with make_client(backend=backend) as client:
        message = {"action": "START_TRAINING", "project": {"id": 7, "title": "x"}}
        job = client.post("/label-studio/webhook", json=message).json()["job"]
        # a second one waits for none: it is the same
        again = client.post("/label-studio/train", json={"project": "7.17"}).json()
        assert again == {"job": job}
        assert ask(client, [{"text": TEXT}]).json()["results"][0]["result"]
        found = wait(client, job)
        assert (found["job_status"], found["error"]) == ("done", None)
        assert (found["documents"], found["step"]) == (32, 4)
        folder = tmp_path / "models" / job
        names = {path.name for path in folder.iterdir()}
        assert {"annotations.json", "model-best", "log.jsonl"} <= names
        versions = client.get("/label-studio/versions").json()["versions"]
        assert versions == ["en_pipeline-0.0.0", f"en_pipeline-0.0.0-{job}"]
        assert client.get("/model").json()["pipeline"] == ["ner", "relation_extractor"]
        response = ask(client, [{"text": TEXT}]).json()
        assert response["model_version"] == versions[-1]
        assert client.get("/label-studio/jobs").json() == [
            found | {"state": "done"}
        ] or (client.get("/label-studio/jobs").json()[0]["id"] == job)


def test_failed_training_keeps_the_model(label_studio, tmp_path, monkeypatch):
    config = tmp_path / "tiny.cfg"
    config.write_text("[nlp]\nlang = 3\n", encoding="utf8")
    backend = BackendSettings(url=label_studio, config=config, folder=tmp_path)
    with make_client(backend=backend) as client:
        connect = {"project": "7.1", "schema": CONFIG, "access_token": "bad"}
        client.post("/label-studio/setup", json=connect)
        body = {"project": "7.1"}
        job = client.post("/label-studio/train", json=body).json()["job"]
        assert "could not be exported" in wait(client, job)["error"]
        client.post("/label-studio/setup", json={**connect, "access_token": "good"})
        job = client.post("/label-studio/train", json=body).json()["job"]
        assert "output.txt" in wait(client, job)["error"]
        monkeypatch.setattr(LabelStudio, "annotations", b"[]")
        job = client.post("/label-studio/train", json=body).json()["job"]
        found = wait(client, job)
        assert found["job_status"] == "failed" and found["error"]
        assert ask(client, [{"text": TEXT}]).json()["results"][0]["result"]
        assert len(client.get("/label-studio/versions").json()["versions"]) == 1


def test_training_stops_with_the_service(label_studio, tmp_path):
    backend = BackendSettings(
        url=label_studio,
        key="good",
        config=make_config(tmp_path / "tiny.cfg"),
        folder=tmp_path,
        overrides=["--training.max_steps", "1000000"],
    )
    with make_client(backend=backend) as client:
        client.post("/label-studio/train", json={"project": "7"})
        trainer = client.backend.trainer
        wait_until(lambda: trainer._process is not None)
        assert trainer._process.poll() is None
    assert trainer._process.wait(60) != 0
    wait_until(lambda: trainer.running is None)


def test_no_training_begins_after_the_end(tmp_path, monkeypatch):
    may_go_on, started = threading.Event(), []
    monkeypatch.setattr(
        retraining, "download_annotations", lambda *args: may_go_on.wait(60)
    )
    monkeypatch.setattr(retraining, "convert_annotations", lambda folder: 3)
    monkeypatch.setattr(retraining.subprocess, "Popen", started.append)
    trainer = Trainer(tmp_path / "x.cfg", tmp_path, (), lambda *args: None)
    job = trainer.start("http://x", "k", 7)
    trainer.stop()
    may_go_on.set()
    wait_until(lambda: trainer.running is None)
    assert "stopped before" in job.error and not started


def test_training_starts_after_a_number_of_annotations(tmp_path, monkeypatch):
    started = []
    backend = BackendSettings(
        url="http://x", key="k", config=tmp_path / "x.cfg", train_after=3
    )
    with make_client(backend=backend) as client:
        trainer = client.backend.trainer
        monkeypatch.setattr(
            trainer, "start", lambda *args: started.append(args) or TrainingJob("j")
        )
        jobs = [
            client.post(
                "/label-studio/webhook",
                json={"action": action, "project": {"id": 7}, "annotation": {}},
            ).json()["job"]
            for action in ["ANNOTATION_CREATED", "ANNOTATION_UPDATED"] * 3
        ]
    assert jobs == [None, None, "j", None, None, "j"]
    assert started == [("http://x", "k", 7)] * 2


def test_model_without_relations_is_not_used(tmp_path):
    spacy.blank("en").to_disk(tmp_path / "blank")
    with make_client() as client:
        backend = client.backend
        with pytest.raises(ValueError, match="no relation extractor"):
            backend.use_model(tmp_path / "blank", TrainingJob("j"))
        assert client.get("/model").json()["labels"] == ["WORKS_FOR"]


def test_additional_documents(tmp_path):
    nlp = spacy.blank("en")
    docs = [nlp.make_doc(f"Text {i}") for i in range(3)]
    for name, part in (("train", docs[:1]), ("base", docs[1:])):
        DocBin(docs=part, store_user_data=True).to_disk(tmp_path / f"{name}.spacy")
    folder = add_documents(tmp_path / "train.spacy", tmp_path / "base.spacy")
    texts = sorted(doc.text for doc in read_docs(folder, nlp))
    assert texts == sorted(doc.text for doc in docs)


def test_progress_from_log(tmp_path):
    log, job = tmp_path / "log.jsonl", TrainingJob("j")
    read_progress(log, job)
    rows = [{"step": 0, "score": 0.25}, {"step": 200, "score": 0.5}]
    text = "\n".join(map(json.dumps, rows)) + '\n{"step": 300, "sc'
    log.write_text(text, encoding="utf8")
    read_progress(log, job)
    assert (job.step, job.score) == (200, 0.5)
