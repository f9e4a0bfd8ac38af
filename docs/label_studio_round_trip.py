"""The round trip through a real Label Studio, and the picture of docs/label_studio.md.

    python docs/label_studio_round_trip.py PATH/TO/bin/label-studio

Starts Label Studio (installed into an environment of its own) and our service on this
machine, both with an empty folder: texts go in, the service's predictions come back,
are accepted as annotations, exported, converted and compared; a training is asked for,
and its model answers. Takes two minutes. Needs the extras service and label-studio;
the picture needs Chromium and the extra dev.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List

import requests
import spacy
import srsly
import typer
from wasabi import msg

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from rel_component.corpus.readers import read_docs  # noqa: E402

USER, PASSWORD, TOKEN = "docs@example.com", "round-trip", "0123456789abcdef" * 2
PATTERNS = ROOT / "assets/patterns"
# of the page in the picture
SIZE = {"width": 1280, "height": 640}
SHOWN = "Bridge inspector"


def main(
    label_studio: Path = typer.Argument(..., help="The command label-studio"),
    picture: Path = typer.Option(
        None, help="Take a picture of a pre-annotated task, .png"
    ),
) -> None:
    """Go once round."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder, ports = Path(name), [find_port(), find_port()]
        url, service = (f"http://127.0.0.1:{port}" for port in ports)
        make_model(folder)
        stack.enter_context(start_label_studio(label_studio, folder, url, ports[0]))
        stack.enter_context(start_service(folder, url, service, ports[1]))
        studio = Studio(url)
        project = studio.make_project(folder)
        backend = studio.connect(project, f"{service}/label-studio")
        tasks = studio.predict(project)
        check_predictions(folder, tasks)
        if picture is not None:
            photograph(url, project, tasks, picture)
        studio.accept(tasks)
        check_export(folder, studio.export(project))
        studio.train(backend)
        check_training(service, studio, project)


def run_script(name: str, *arguments: Any) -> None:
    command = [sys.executable, str(ROOT / f"scripts/{name}.py"), *map(str, arguments)]
    subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)


def make_model(folder: Path) -> None:
    """A pipeline of patterns, what it finds, and the project's labeling config."""
    patterns = ("--entities", PATTERNS / "job_ads_entities.jsonl")
    patterns += ("--relations", PATTERNS / "job_ads_relations.jsonl")
    run_script("add_rules", folder / "rules", *patterns)
    texts = ROOT / "assets/new_ads"
    options = ("-f", "label_studio", "-o", folder / "tasks.json", "--rank-by", "none")
    run_script("preannotate", folder / "rules", texts, *options)
    msg.good("A pipeline of patterns, and a labeling config from it")


def find_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


@contextmanager
def start(
    command: List[Any], url: str, log: Path, settings: Dict[str, str]
) -> Iterator[None]:
    """A process that answers at an address."""
    with open(log, "w", encoding="utf8") as output:
        process = subprocess.Popen(
            list(map(str, command)),
            cwd=ROOT,
            env={**os.environ, **settings},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        wait_for(lambda: requests.get(url, timeout=5).ok, log)
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def wait_for(is_done: Any, log: Path, seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if is_done():
                return
        except requests.RequestException:
            pass
        time.sleep(0.5)
    raise TimeoutError(log.read_text(encoding="utf8")[-3000:])


def start_label_studio(command: Path, folder: Path, url: str, port: int) -> Any:
    settings = {
        "LABEL_STUDIO_BASE_DATA_DIR": str(folder / "label_studio"),
        "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
        "LABEL_STUDIO_HOST": url,
        "COLLECT_ANALYTICS": "false",
        "SENTRY_DSN": "",
        "FRONTEND_SENTRY_DSN": "",
        "LATEST_VERSION_CHECK": "false",
        # or it refuses a service on this machine
        "ML_BLOCK_LOCAL_IP": "false",
        "SSRF_PROTECTION_ENABLED": "false",
    }
    arguments = ["start", "--no-browser", "--internal-host", "127.0.0.1"]
    arguments += ["--port", str(port), "--username", USER, "--password", PASSWORD]
    arguments += ["--user-token", TOKEN]
    log = folder / "label_studio.log"
    return start([command, *arguments], f"{url}/api/version", log, settings)


def start_service(folder: Path, url: str, service: str, port: int) -> Any:
    command = [sys.executable, "scripts/serve.py", folder / "rules", "--port", port]
    command += ["--label-studio", url, "--train-config", "configs/joint_tok2vec.cfg"]
    command += ["--train-output", folder / "trained"]
    options = "--training.max_steps 20 --training.eval_frequency 20"
    command += ["--train-options", options]
    return start(command, f"{service}/ready", folder / "service.log", {})


class Studio:
    """What is asked of Label Studio's API."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Token {TOKEN}"

    def ask(self, method: str, path: str, **body: Any) -> Any:
        response = self.session.request(
            method, f"{self.url}/api/{path}", json=body or None, timeout=120
        )
        assert response.ok, (path, response.status_code, response.text[:2000])
        return response.json() if response.content else None

    def make_project(self, folder: Path) -> int:
        """RETURNS (int): a project with the texts."""
        config = (folder / "tasks_config.xml").read_text(encoding="utf8")
        made = self.ask("POST", "projects", title="Job ads", label_config=config)
        tasks = srsly.read_json(folder / "tasks.json")
        texts = [{"text": task["data"]["text"]} for task in tasks]
        response = self.session.post(
            f"{self.url}/api/projects/{made['id']}/import", json=texts, timeout=120
        )
        assert response.json()["task_count"] == len(texts), response.text
        msg.good(f"A project of {len(texts)} texts in Label Studio")
        return made["id"]

    def connect(self, project: int, service: str) -> int:
        """RETURNS (int): the ML backend."""
        made = self.ask("POST", "ml", url=service, project=project, title="Patterns")
        (found,) = self.ask("GET", f"ml?project={project}")
        assert found["readable_state"] == "Connected", found
        msg.good("Our service is connected")
        return made["id"]

    def predict(self, project: int) -> List[Dict[str, Any]]:
        """RETURNS (List[Dict]): the tasks, with the predictions of our service."""
        action = f"dm/actions?id=retrieve_tasks_predictions&project={project}"
        self.ask("POST", action, selectedItems={"all": True, "excluded": []})
        found = self.ask("GET", f"tasks?project={project}&fields=all&page_size=100")
        return [self.ask("GET", f"tasks/{task['id']}") for task in found["tasks"]]

    def accept(self, tasks: List[Dict[str, Any]]) -> None:
        """As annotators do who find nothing to correct."""
        for task in tasks:
            result = task["predictions"][-1]["result"]
            path = f"tasks/{task['id']}/annotations/"
            self.ask("POST", path, result=result, lead_time=1.0)
        msg.good(f"{len(tasks)} predictions accepted as annotations")

    def export(self, project: int) -> Any:
        """RETURNS (List[Dict]): tasks with annotations, as JSON."""
        return self.ask("GET", f"projects/{project}/export?exportType=JSON")

    def train(self, backend: int) -> None:
        self.ask("POST", f"ml/{backend}/train", use_ground_truth=False)


def count(results: List[Dict[str, Any]]) -> Dict[str, int]:
    kinds = [result["type"] for result in results]
    return {kind: kinds.count(kind) for kind in ("labels", "relation")}


def check_predictions(folder: Path, tasks: List[Dict[str, Any]]) -> None:
    """They are those that scripts/preannotate.py writes."""
    written = {
        task["data"]["text"]: count(task["predictions"][0]["result"])
        for task in srsly.read_json(folder / "tasks.json")
    }
    found = {
        task["data"]["text"]: count(task["predictions"][-1]["result"]) for task in tasks
    }
    assert found == written, (found, written)
    n = sum(x["relation"] for x in found.values())
    msg.good(f"{n} relations of {len(found)} texts predicted by our service")


def check_export(folder: Path, exported: Any) -> None:
    """What was exported and converted is what the pipeline finds."""
    path, corpus = folder / "exported.json", folder / "converted.spacy"
    srsly.write_json(path, exported)
    run_script("convert", path, "--output", corpus)
    nlp = spacy.load(folder / "rules")
    docs = list(read_docs(corpus, nlp))
    for doc in docs:
        assert describe(doc) == describe(nlp(doc.text)), doc.text
    n = sum(len(doc._.relations) for doc in docs)
    msg.good(f"{n} relations of {len(docs)} texts exported and converted, none lost")


def describe(doc: Any) -> Any:
    ents = sorted((e.start_char, e.end_char, e.label_) for e in doc.ents)
    relations = {
        (r.head.start_char, r.label, r.tail.start_char) for r in doc._.relations
    }
    return ents, relations


def check_training(service: str, studio: Studio, project: int) -> None:
    """A training that was asked for ends, and its model answers."""
    jobs = f"{service}/label-studio/jobs"
    done = ("done", "failed")
    wait_for(lambda: requests.get(jobs, timeout=5).json()[0]["state"] in done, Path())
    (job,) = requests.get(jobs, timeout=5).json()
    assert job["state"] == "done", job
    versions = {x["predictions"][-1]["model_version"] for x in studio.predict(project)}
    assert [v.endswith(job["id"]) for v in versions] == [True], (versions, job)
    msg.good(
        f"Trained on {job['documents']} annotated texts in {job['seconds']:.0f} s: the "
        f"new model answers"
    )


def photograph(
    url: str, project: int, tasks: List[Dict[str, Any]], picture: Path
) -> None:
    """The task as an annotator sees it first."""
    from tests.browser import open_browser

    (task,) = (x["id"] for x in tasks if x["data"]["text"].startswith(SHOWN))
    with open_browser() as browser:
        page = browser.new_page(viewport=SIZE)
        page.goto(f"{url}/user/login")
        page.locator("input[name=email]").fill(USER)
        page.locator("input[name=password]").fill(PASSWORD)
        page.locator("button[type=submit], input[type=submit]").first.click()
        page.wait_for_url(lambda address: "login" not in address)
        page.goto(f"{url}/projects/{project}/data?task={task}")
        page.locator(".htx-highlight").first.wait_for()
        page.wait_for_timeout(2000)  # arcs are drawn after the text
        page.screenshot(path=str(picture))
    msg.good(f"Picture: {picture}")


if __name__ == "__main__":
    typer.run(main)
