"""The page at /, in a browser."""

import json
import re

import httpx
import pytest
import spacy

from rel_component.inference.service import ServiceSettings, create_app

from ...browser import check_accessibility, find_cut_off
from .conftest import RUSSIAN, TEXT
from .server import run_server

MARKED = "[Ann](PERSON) left [Acme [Nord](PLACE)](ORG)"
ATTACK = "<img src=x onerror=document.title='bad'> & \"' </script> Ann works for Acme"


@pytest.fixture
def open_page(browser):
    """Opens the page; what it has to say in the console is a mistake."""
    contexts, messages = [], []

    def open_one(url, width=1000, **options):
        viewport = {"width": width, "height": 800}
        contexts.append(browser.new_context(viewport=viewport, **options))
        page = contexts[-1].new_page()
        page.on("console", lambda message: messages.append(message.text))
        page.on("pageerror", lambda error: messages.append(str(error)))
        page.goto(url)
        return page

    yield open_one
    for context in contexts:
        context.close()
    # an answer that is no 200 is told by the browser itself
    assert [x for x in messages if "Failed to load resource" not in x] == []


def send(page, text):
    page.get_by_label("Text").fill(text)
    page.get_by_role("button", name="Find relations").click()
    page.locator("#send:not([disabled])").wait_for()


def read_rows(page):
    return [row.split("\t")[:3] for row in page.locator("#rows tr").all_inner_texts()]


def test_relations_are_drawn_and_listed(open_page, url):
    page = open_page(url)
    page.get_by_text("predicts entities and relations: WORKS_FOR").wait_for()
    send(page, f"{TEXT} and Bob")
    assert read_rows(page) == [["Ann", "WORKS_FOR", "Acme"]]
    assert page.locator("#count").inner_text() == "1 relation, 3 entities"
    assert page.locator("mark").all_inner_texts() == [
        "AnnPERSON",
        "AcmeORG",
        "BobPERSON",
    ]
    assert page.locator("#text .type").all_inner_texts() == ["PERSON", "ORG", "PERSON"]
    assert page.locator("#arcs g text").all_text_contents() == ["WORKS_FOR"]
    # the arc ends above the entity that it points to
    points = page.locator("#arcs g path").get_attribute("d").split()
    box = page.locator("mark", has_text="Acme").bounding_box()
    view = page.locator("#view").bounding_box()
    assert (
        box["x"] <= float(points[-2].strip("L")) + view["x"] <= box["x"] + box["width"]
    )


def test_relations_are_those_of_the_model_until_the_slider_is_moved(open_page, url):
    """E.g. if its schema's constraints, which the page doesn't know, leave one out."""
    page = open_page(url)
    page.get_by_text("predicts entities").wait_for()
    entities = [{"start": i, "end": i + 1, "label": "X"} for i in (0, 2, 4)]
    scores = [{"head": 0, "tail": i, "label": "R", "score": 0.9} for i in (1, 2)]

    def leave_out(found):
        found["relations"] = found["relations"][:1]

    answer_with(page, entities, scores, "a b c", change=leave_out)
    assert page.locator("#rows tr").count() == 1
    page.get_by_label("Threshold").fill("0.5")
    assert page.locator("#rows tr").count() == 2


def test_threshold_filters_without_a_request(open_page, url):
    page = open_page(url)
    send(page, f"{TEXT} and Bob")
    page.route("**/extract", lambda route: route.abort())
    slider = page.get_by_label("Threshold")
    slider.fill("0.05")
    many = page.locator("#rows tr").count()
    assert many == page.locator("#arcs g").count() >= 1
    slider.focus()
    page.keyboard.press("End")
    assert page.locator("#value").inner_text() == "1.00"
    assert page.locator("#rows tr").count() == page.locator("#arcs g").count() == 0
    assert page.locator("#count").inner_text() == "No relations, 3 entities"


def test_keyboard_alone(open_page, url):
    page = open_page(url)
    page.keyboard.press("Tab")
    page.keyboard.type(TEXT)
    page.keyboard.press("Control+Enter")
    page.locator("#rows tr").wait_for()
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.tagName") == "TR":
            break
    assert page.locator("#arcs g.chosen").count() == 1
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    assert page.locator("#arcs g.chosen").count() == 0
    page.keyboard.press("Enter")
    found = json.loads(page.locator("#json").inner_text())
    assert found["relations"][0]["tail"]["text"] == "Acme"


def test_copy(open_page, url):
    page = open_page(url, permissions=["clipboard-read", "clipboard-write"])
    send(page, TEXT)
    page.get_by_text("JSON", exact=True).click()
    page.get_by_role("button", name="Copy").click()
    page.get_by_text("Copied.").wait_for()
    found = json.loads(page.evaluate("navigator.clipboard.readText()"))
    assert (found["text"], len(found["relations"])) == (TEXT, 1)


def test_entities_are_marked_in_the_text(open_page, url):
    page = open_page(url)
    send(page, MARKED)
    assert page.locator("#text").inner_text() == "AnnPERSON left Acme NordPLACEORG"
    assert page.locator("#count").inner_text().endswith("3 entities")
    # the type of a nested entity is in its own box
    assert page.locator("mark mark").all_inner_texts() == ["NordPLACE"]
    status = page.locator("#status").inner_text()
    assert status == "Unknown entity type: PLACE. The model's types are ORG, PERSON."


@pytest.mark.parametrize(
    "text",
    [
        "[x] Ann",
        "[Ann](",
        "Ann](PERSON) [b",
        "[Ann]() x",
        "[Ann](https://x.org) works",
        "[Ann](page.html) [b](#c) [d](./e) [f](g 'h') [i](mailto:j@k.l)",
        "[](PERSON) Ann",
        "[Ann] (PERSON)",
    ],
)
def test_other_brackets_are_text(open_page, url, text):
    page = open_page(url)
    send(page, text)
    assert json.loads(page.locator("#json").text_content())["text"] == text
    assert page.locator("#status").inner_text() == ""


def test_marks_next_to_other_brackets(open_page, url):
    page = open_page(url)
    send(page, "see [1]: [Ann](PERSON) at [[Acme](ORG)](https://x.org) [b")
    found = json.loads(page.locator("#json").text_content())
    assert found["text"] == "see [1]: Ann at [Acme](https://x.org) [b"
    # as whole tokens
    texts = [x["text"] for x in found["entities"]]
    assert texts == ["Ann", "Acme](https://x.org"]


def answer_with(page, entities, scores, text="Ann works for Acme", change=None):
    """Let the page show this."""
    for entity in entities:
        entity["text"] = text[entity["start"] : entity["end"]]
    relations = [
        {**x, "head": entities[x["head"]], "tail": entities[x["tail"]]} for x in scores
    ]
    found = {"entities": entities, "relations": relations, "scores": scores}
    if change is not None:
        change(found)
    document = {"text": text, **found}
    body = json.dumps({"documents": [document]})
    page.route(
        "**/extract",
        lambda route: route.fulfill(body=body, content_type="application/json"),
    )
    send(page, text)


def test_crossing_entities_are_split(open_page, url):
    page = open_page(url)
    entities = [
        {"start": 0, "end": 9, "label": "A"},
        {"start": 4, "end": 13, "label": "B"},
    ]
    answer_with(page, entities, [])
    assert page.locator("#text").inner_text() == "Ann worksA forB Acme"
    assert page.locator("mark").all_inner_texts() == ["Ann worksA", "works", " forB"]
    assert page.locator("mark[data-entity]").count() == 2


def test_pasted_text_is_escaped(open_page, url):
    page = open_page(url)
    send(page, ATTACK)
    assert page.title() != "bad" and page.locator("#text img").count() == 0
    assert ATTACK.split(" Ann")[0] in page.locator("#text").inner_text()
    entities = [
        {"start": 0, "end": 8, "label": "<i>T</i>"},
        {"start": 9, "end": 17, "label": "O"},
    ]
    scores = [{"head": 0, "tail": 1, "label": "<s>L</s>", "score": 0.9}]
    answer_with(page, entities, scores, "<b>x</b> <u>y</u>")
    page.get_by_label("Threshold").fill("0.05")
    assert page.locator("#rows tr").count() == page.locator("#arcs g").count() == 1
    for tag in "bius":
        assert (
            page.locator(f"#result {tag}, #raw {tag}, td:not(.score) {tag}").count()
            == 0
        )
    assert page.locator(".type").first.inner_text() == "<i>T</i>"
    policy = page.request.get(url).headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy


def test_cyrillic_right_to_left_and_emoji(open_page, url):
    page = open_page(url)
    text = (
        f"🎉🎉 [Иван](PERSON) 🎉 [завод](ORG)\nשלום [עולם](PLACE) و[هو](X). {RUSSIAN}"
    )
    send(page, text)
    marks = page.locator("mark").all_inner_texts()
    assert marks == ["ИванPERSON", "заводORG", "עולםPLACE", "وهوX"]  # whole tokens
    assert page.locator("#text").evaluate("x => getComputedStyle(x).unicodeBidi") == (
        "plaintext"
    )


def test_phone(open_page, url):
    page = open_page(url, width=390)
    send(page, " ".join([MARKED] * 6))
    page.get_by_label("Threshold").fill("0.05")
    assert page.locator("#arcs g").count() > 5
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    small = page.evaluate(
        """() => [...document.querySelectorAll('button')]
        .filter((x) => x.offsetParent && x.offsetHeight < 40).length"""
    )
    assert small == 0


@pytest.mark.parametrize("text", ["Ann left\nAcme", "שלום אן\nעולם"])
def test_results_fit_on_the_screen(open_page, url, text):
    """Arcs in the margin, which is at the left also of a text from right to left, and
    the scores beside long words."""
    page = open_page(url, width=390)
    words = f"{text}\n{text}\nUnverhältnismäßigkeitsgrundsatz".split()
    text = " x x x x x x x x x x x x x x x x x x x x x x x x x x x x \n".join(words)
    places = [(text.index(word), len(word)) for word in (words[0], words[1], words[-1])]
    entities = [{"start": a, "end": a + n, "label": "SOME_TYPE"} for a, n in places]
    pairs = [(0, 2), (2, 1), (1, 2), (2, 0), (0, 1)]
    label = "WORKS_TOGETHER_WITH"
    scores = [{"head": h, "tail": t, "label": label, "score": 1} for h, t in pairs]
    answer_with(page, entities, scores, text)
    card = page.locator("#result").bounding_box()
    left = page.locator("#text").bounding_box()["x"]
    n_in_margin = 0
    for path in page.locator("#arcs g path").all():
        box = path.bounding_box()
        assert card["x"] <= box["x"]
        assert box["x"] + box["width"] <= card["x"] + card["width"]
        n_in_margin += box["x"] < left
    assert n_in_margin
    assert find_cut_off(page) == []


def test_a_message_stays_when_the_model_has_loaded(open_page, url):
    page = open_page(url)
    held = []
    page.route("**/model", lambda route: held.append(route))
    page.reload()
    page.get_by_role("button", name="Find relations").click()
    page.locator("#status").filter(has_text="Enter a text first").wait_for()
    held[0].continue_()
    page.locator("#model").filter(has_text="predicts").wait_for()
    assert "Enter a text first" in page.locator("#status").inner_text()


def test_error_messages(open_page, url):
    page = open_page(url)
    status = page.locator("#status")
    page.get_by_role("button", name="Find relations").click()
    status.filter(has_text="Enter a text first").wait_for()
    send(page, "a" * (ServiceSettings().max_chars + 1))
    assert "found 200001 characters; expected at most 200000" in status.inner_text()
    page.route(
        "**/extract",
        lambda route: route.fulfill(
            status=429, headers={"Retry-After": "3"}, body="{}"
        ),
    )
    send(page, TEXT)
    assert "overloaded. Try again in 3 s." in status.inner_text()
    page.unroute("**/extract")
    detail = json.dumps({"detail": "The model did not answer within 30 s. Send less."})
    page.route("**/extract", lambda route: route.fulfill(status=503, body=detail))
    send(page, TEXT)
    assert status.inner_text() == "The model did not answer within 30 s. Send less."
    page.unroute("**/extract")
    page.route("**/extract", lambda route: route.abort())
    send(page, TEXT)
    assert "can't be reached" in status.inner_text()
    page.unroute("**/extract")
    send(page, TEXT)
    assert status.inner_text() == "" and page.locator("#rows tr").count() == 1
    # what was found before is not shown as if it were of the text that failed
    page.route("**/extract", lambda route: route.fulfill(status=503, body="{}"))
    send(page, "Bob")
    assert status.inner_text() == "Error: HTTP status 503."
    for section in ("#result", "#found", "#raw"):
        assert not page.locator(section).is_visible()


def test_line_height_depends_on_arcs(open_page, url):
    page = open_page(url)
    text = "a b c\n" + "Nothing is said here.\n" * 5 + "d"
    places = [0, 2, 4, len(text) - 1]
    entities = [{"start": at, "end": at + 1, "label": "X"} for at in places]
    pairs = [(0, 1), (1, 2), (0, 2), (2, 0)]
    scores = [
        {"head": head, "tail": tail, "label": "L", "score": 0.9} for head, tail in pairs
    ]
    answer_with(page, entities, scores, text)
    heights = []
    for value in ("0.5", "1"):
        page.get_by_label("Threshold").fill(value)
        heights.append(page.locator("#text").evaluate("x => x.offsetHeight"))
    plain = heights[1] / 7
    assert heights[1] < 7 * 35
    # three levels of arcs above the first line, and nothing above the others
    assert 3 * 15 <= heights[0] - heights[1] <= 3 * 18 + plain


def test_arcs_to_the_next_line_and_beyond(open_page, url):
    """They end at their entities, also where there is none in the lines between."""
    page = open_page(url)
    lines = ["Ann is here.", "Nobody.", "Nobody.", "Acme is there.", "Nobody.", "Bob."]
    text = "\n".join(lines)
    names = {name: text.index(name) for name in ("Ann", "Acme", "Bob")}
    entities = [
        {"start": at, "end": at + len(name), "label": "X"} for name, at in names.items()
    ]
    pairs = [(0, 1), (1, 0), (1, 2), (2, 0)]
    scores = [
        {"head": head, "tail": tail, "label": "L", "score": 0.9} for head, tail in pairs
    ]
    answer_with(page, entities, scores, text)
    boxes = page.locator("mark").evaluate_all(
        """marks => marks.map((x) => {
            const a = x.getClientRects()[0], b = view.getBoundingClientRect();
            return [a.left - b.left, a.right - b.left, a.top - b.top, a.bottom - b.top];
        })"""
    )
    paths = page.locator("#arcs g path").evaluate_all(
        "x => x.map((p) => p.getAttribute('d'))"
    )
    assert len(paths) == len(pairs)
    for (head, tail), path in zip(pairs, paths):
        numbers = [float(x) for x in re.findall(r"-?[\d.]+", path)]
        for (x, y), end in ((numbers[:2], head), (numbers[-2:], tail)):
            left, right, top, bottom = boxes[end]
            assert left <= x <= right
            assert min(abs(y - top), abs(y - bottom)) < 4
        # and go through no word on their way
        for y in numbers[3::2]:
            assert all(not top + 4 < y < bottom - 4 for _, _, top, bottom in boxes)


def test_a_label_does_not_hide_its_arc(open_page, url):
    page = open_page(url, width=390)
    entities = [
        {"start": 0, "end": 1, "label": "X"},
        {"start": 2, "end": 3, "label": "X"},
    ]
    label = "IS_MENTIONED_IN_THE_SAME_BREATH_AS_AND_NEVER_WITHOUT_IT"
    scores = [{"head": 0, "tail": 1, "label": label, "score": 0.9}]
    answer_with(page, entities, scores, "a b")
    box = page.locator("#arcs text").bounding_box()
    view = page.locator("#view").bounding_box()
    path = page.locator("#arcs g path").bounding_box()
    assert box["y"] + box["height"] <= path["y"] + 6  # above it
    assert (
        view["x"] <= box["x"] and box["x"] + box["width"] <= view["x"] + view["width"]
    )
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.locator("#rows").inner_text().replace("\u200b", "").count(label) == 1


def test_accessibility(open_page, url):
    page = open_page(url)
    page.get_by_text("predicts entities").wait_for()
    check_accessibility(page)
    send(page, MARKED)
    page.get_by_label("Threshold").fill("0.05")
    page.get_by_text("JSON", exact=True).click()
    check_accessibility(page)
    page.route("**/extract", lambda route: route.fulfill(status=503, body="{}"))
    send(page, TEXT)
    check_accessibility(page)


def test_trailing_slash_is_not_redirected(url):
    """A redirect would go to the host that the client names."""
    for path in ("/model/", "/health/", "//", "/predict/"):
        answer = httpx.get(url + path, headers={"host": "evil.org"}, trust_env=False)
        assert answer.status_code == 404 and "location" not in answer.headers


def test_key_is_requested(open_page, model):
    with run_server(create_app(spacy.load(model), ServiceSettings(api_key="k"))) as url:
        page = open_page(url)
        page.get_by_text("The service requires an API key.").wait_for()
        page.get_by_label("API key").fill("x")
        send(page, TEXT)
        assert "Wrong API key" in page.locator("#status").inner_text()
        page.get_by_label("API key").fill("k")
        send(page, TEXT)
        assert page.locator("#rows tr").count() == 1


def test_model_without_entities(open_page, russian_model):
    with run_server(create_app(spacy.load(russian_model))) as url:
        page = open_page(url)
        send(page, RUSSIAN)
        assert "predict entities: mark them" in page.locator("#status").inner_text()
        marked = "[Директор [завода](ORGANIZATION)](PROFESSION) [Иван Петров](PERSON) "
        send(page, f"{marked} сменил главу отдела.")
        page.locator("#rows tr").first.wait_for()
        assert ["Иван Петров", "WORKPLACE", "завода"] in read_rows(page)
