"""The page at /, in a browser."""

import json

import pytest

from rel_component.inference.service import ServiceSettings, create_app

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
    page.get_by_text("finds entities and relations: WORKS_FOR").wait_for()
    send(page, f"{TEXT} and Bob")
    assert read_rows(page) == [["Ann", "WORKS_FOR", "Acme"]]
    assert page.locator("#count").inner_text() == "1 relation, 3 entities"
    assert page.locator("mark").all_inner_texts() == ["Ann", "Acme", "Bob"]
    assert page.locator("#text .type").all_inner_texts() == ["PERSON", "ORG", "PERSON"]
    assert page.locator("#arcs g text").all_text_contents() == ["WORKS_FOR"]
    # the arc ends above the entity that it points to
    points = page.locator("#arcs g path").get_attribute("d").split()
    box = page.locator("mark", has_text="Acme").bounding_box()
    view = page.locator("#view").bounding_box()
    assert (
        box["x"] <= float(points[-2].strip("L")) + view["x"] <= box["x"] + box["width"]
    )


def test_threshold_filters_without_asking_again(open_page, url):
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


def test_examples_send_themselves(open_page, url):
    page = open_page(url)
    page.get_by_role("button", name="Entities given").click()
    page.locator("mark").first.wait_for()
    assert page.locator("mark").first.inner_text() == "Seven years"


def test_entities_are_given_by_marks(open_page, url):
    page = open_page(url)
    send(page, MARKED)
    assert page.locator("#text").inner_text() == "AnnPERSON left Acme NordPLACEORG"
    assert page.locator("#count").inner_text().endswith("3 entities")
    assert page.locator("mark.deep").all_inner_texts() == ["Nord"]
    for text in ("[x] Ann", "[Ann](", "Ann](PERSON) [b", "[Ann]() x"):  # no marks
        send(page, text)
        assert (
            page.locator("#text")
            .inner_text()
            .replace("PERSON", "", 1)
            .startswith(text.split("Ann")[0])
        )
        assert json.loads(page.locator("#json").text_content())["text"] == text


def test_what_is_pasted_is_never_markup(open_page, url):
    page = open_page(url)
    send(page, ATTACK)
    assert page.title() != "bad" and page.locator("#text img").count() == 0
    assert ATTACK.split(" Ann")[0] in page.locator("#text").inner_text()
    send(page, "[<b>x</b>](<i>T</i>) [<u>y</u>](O) [Ann](PERSON) [Acme](ORG)")
    page.get_by_label("Threshold").fill("0.05")
    assert page.locator("#result b, #result i, #found b, #found u").count() == 0
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
    assert marks == ["Иван", "завод", "עולם", "هو"]
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


def test_mistakes_are_told_kindly(open_page, url):
    page = open_page(url)
    status = page.locator("#status")
    page.get_by_role("button", name="Find relations").click()
    assert "There is no text yet" in status.inner_text()
    send(page, "a" * (ServiceSettings().max_chars + 1))
    assert "found 200001 characters; expected at most 200000" in status.inner_text()
    page.route(
        "**/extract",
        lambda route: route.fulfill(
            status=429, headers={"Retry-After": "3"}, body="{}"
        ),
    )
    send(page, TEXT)
    assert "too much to do. Try again in 3 s." in status.inner_text()
    page.unroute("**/extract")
    page.route("**/extract", lambda route: route.abort())
    send(page, TEXT)
    assert "can't be reached" in status.inner_text()
    page.unroute("**/extract")
    send(page, TEXT)
    assert status.inner_text() == "" and page.locator("#rows tr").count() == 1


def test_key_is_asked_for(open_page, model):
    with run_server(create_app(model, ServiceSettings(api_key="k"))) as url:
        page = open_page(url)
        page.get_by_text("The service needs a key.").wait_for()
        page.get_by_label("Key of the service").fill("x")
        send(page, TEXT)
        assert "not the service's" in page.locator("#status").inner_text()
        page.get_by_label("Key of the service").fill("k")
        send(page, TEXT)
        assert page.locator("#rows tr").count() == 1


def test_model_that_finds_no_entities(open_page, russian_model):
    with run_server(create_app(russian_model)) as url:
        page = open_page(url)
        assert page.get_by_role("button", name="Вложенные").count() == 1
        send(page, RUSSIAN)
        assert "relates given entities" in page.locator("#status").inner_text()
        page.get_by_role("button", name="Вложенные").click()
        page.locator("#rows tr").first.wait_for()
        assert ["Иван Петров", "WORKPLACE", "завода"] in read_rows(page)
