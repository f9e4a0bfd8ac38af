"""The report as it is seen: in Chromium, at the width of a screen and of a phone."""

import json
import re

import pytest
import spacy
from spacy.training import Example

from rel_component.corpus.readers import copy_without_relations
from rel_component.evaluation.report import (
    evaluate_pipeline,
    format_report,
    list_sections,
    write_reports,
)
from rel_component.evaluation.report.plots import PLOTS

from ..browser import WIDTHS, check_accessibility, find_cut_off
from ..util import make_doc

EN = ("Ann", "works for", "Acme", "and", "Bob", "likes")
RU = ("Анна Каренина", "работает в", "Газпромнефтехиме", "а", "Борис", "любит")
HE = ("יוסי כהן", "עובד ב", "Google Maps", ",", "בתל אביב", "ומכיר את")


def make_text(vocab, words, *, relations=((0, "WORKS_FOR", 1),), types="POP", times=1):
    """Two people and a firm, several times."""
    types = [{"P": "PERSON", "O": "ORG"}[x] for x in types]
    tokens, spans = [], []
    for _ in range(times):
        for i, part in enumerate(words):
            start = len(tokens)
            tokens += part.split()
            if i in (0, 2, 4):
                spans.append((start, len(tokens), types[i // 2]))
    return make_doc(vocab, tokens, spans, list(relations))


@pytest.fixture(scope="module")
def nlp():
    """Finds that whoever stands before a firm works for it; finds "Ann" and "Acme"
    itself, takes Bob for a firm and nobody else for anything."""
    nlp = spacy.blank("xx")
    ruler = nlp.add_pipe("entity_ruler")
    nlp.add_pipe("relation_extractor")
    gold = make_text(nlp.vocab, EN)
    examples = [Example(copy_without_relations(gold), gold)]
    extractor = nlp.get_pipe("relation_extractor")
    for label in ("WORKS_FOR", "KNOWS", "NEVER_SEEN"):
        extractor.add_label(label)
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(60):
        nlp.update(examples, sgd=optimizer)
    ruler.add_patterns(
        [
            {"label": "PERSON", "pattern": "Ann"},
            {"label": "ORG", "pattern": "Acme"},
            {"label": "ORG", "pattern": "Bob"},
            {"label": "PERSON", "pattern": "Анна"},
            {"label": "ORG", "pattern": "Газпромнефтехиме"},
            {"label": "PERSON", "pattern": "יוסי"},
        ]
    )
    return nlp


def make_documents(nlp, words, n, times=8):
    """Right ones and wrong ones, one of them longer."""
    made = [
        make_text(nlp.vocab, words),
        make_text(nlp.vocab, words, relations=[(0, "KNOWS", 2)]),
        make_text(nlp.vocab, words, relations=[(1, "WORKS_FOR", 0)]),
        make_text(nlp.vocab, words, relations=[(0, "KNOWS", 1)], times=times),
        make_text(nlp.vocab, words, relations=[]),
    ]
    return [made[i % len(made)] for i in range(n)]


LABEL = "A_LABEL_WITHOUT_ANY_PLACE_TO_BREAK_IT_WHATEVER_ITS_LENGTH_IS"
CASES = {
    "english": lambda nlp: make_documents(nlp, EN, 12),
    "no errors": lambda nlp: [make_text(nlp.vocab, EN)] * 3,
    "more than one document": lambda nlp: make_documents(nlp, EN, 2)[1:],
    "nothing annotated": lambda nlp: [make_text(nlp.vocab, EN, relations=[])] * 2,
    "2,000 documents": lambda nlp: make_documents(nlp, EN, 2000, times=1),
    "russian": lambda nlp: make_documents(nlp, RU, 8),
    "right to left": lambda nlp: make_documents(nlp, HE, 8),
    "html": lambda nlp: [
        make_text(
            nlp.vocab,
            ("<script>alert(1)</script>", "&amp; <b>", "x" * 300, "|", "*Bob*", "_"),
            relations=[(0, "<i>WORKS_FOR", 1), (1, LABEL, 2)],
        )
    ],
    "many labels": lambda nlp: [
        make_text(nlp.vocab, EN, relations=[(0, f"LONG_LABEL_NAME_{i}", 1)])
        for i in range(60)
    ],
}


@pytest.fixture(scope="module")
def reports(nlp):
    """Made once, when they are asked for."""
    made = {}

    def get(name):
        if name not in made:
            docs = CASES[name](nlp)
            devs = make_documents(nlp, EN, 20)
            made[name] = evaluate_pipeline(nlp, docs, devs=devs, trains=devs)
            made[name].data["training"] = [
                {"step": i, "score": i / 5, "losses": {"relation_extractor": 5.0 - i}}
                for i in range(1, 5)
            ]
        return made[name]

    return get


def format_html(report):
    return format_report(report, ".html")


def open_page(browser, path, width):
    """A page with all that it asked for, and its errors."""
    page = browser.new_page(viewport={"width": width, "height": 800})
    asked, failed = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: failed.append(str(error)))
    page.on("dialog", lambda dialog: failed.append(dialog.message))
    page.goto(path.as_uri())
    return page, asked, failed


def get_boxes(page, selector):
    return page.eval_on_selector_all(
        selector,
        "xs => xs.map(x => x.getBoundingClientRect())"
        ".map(b => [b.left, b.right, b.width, b.height])",
    )


@pytest.mark.parametrize("name", CASES)
def test_page_is_right_on_a_screen_a_phone_and_paper(name, reports, browser, tmp_path):
    path = tmp_path / "report.html"
    write_reports(reports(name), [path])
    for width in WIDTHS:
        page, asked, failed = open_page(browser, path, width)
        assert asked == [path.as_uri()]
        assert failed == []
        root = "document.documentElement"
        assert page.evaluate(f"{root}.scrollWidth <= {root}.clientWidth"), width
        assert find_cut_off(page) == [], width
        open_details(page)
        boxes = get_boxes(page, "figure svg, .card svg")
        assert boxes
        for left, right, size, height in boxes:
            assert left >= 0 and right <= width and size > 100 and height > 20
        for left, right, _, _ in get_boxes(page, ".tile, .card, section, p, h2"):
            assert left >= 0 and right <= width
        page.close()
    page, _, _ = open_page(browser, path, 794)
    page.emulate_media(media="print")
    assert page.evaluate("document.documentElement.scrollWidth") <= 794
    assert all(height > 20 for _, _, _, height in get_boxes(page, ".card svg"))
    assert page.pdf()[:4] == b"%PDF"
    page.close()


def open_details(page):
    page.evaluate("document.querySelectorAll('details').forEach(x => x.open = 1)")


def test_page_is_accessible(nlp, browser, tmp_path):
    path = tmp_path / "report.html"
    # a few drawings are enough, and fast
    docs = make_documents(nlp, EN, 4, times=1)
    write_reports(evaluate_pipeline(nlp, docs, devs=docs), [path])
    page, _, _ = open_page(browser, path, WIDTHS[0])
    check_accessibility(page)
    headers = page.eval_on_selector_all("th", "xs => xs.map(x => x.textContent)")
    assert all(text.strip() for text in headers)
    page.close()


def test_first_figure_is_what_a_user_gets(reports, nlp):
    """End to end, where the pipeline finds entities itself."""
    sections = list_sections(reports("english"), has_drawings=False)
    assert sections[0].tiles[0].name == "F of relations, end to end"
    with nlp.select_pipes(disable=["entity_ruler"]):
        report = evaluate_pipeline(nlp, make_documents(nlp, EN, 2))
    (first, *_) = list_sections(report, has_drawings=False)[0].tiles
    assert first.name == "F of relations, gold entities"


def test_title_names_the_pipeline(reports):
    report = reports("english")
    report.data["model"] = "training/joint/model-best"
    title = "<title>Evaluation of training/joint/model-best</title>"
    assert title in format_html(report)
    report.data["pipeline"]["name"] = "job_ads"
    assert "<h1>Evaluation of xx_job_ads</h1>" in format_html(report)
    report.data["pipeline"]["name"] = "pipeline"  # spaCy's name for those without


def test_each_plot_is_shown_by_a_section(reports):
    report = reports("russian")
    curve = {"points": [], "seeds": [0], "advice": ""}
    for n in (4, 8):
        point = {"share": n / 8, "documents": n, "scores": [0.1 * n], "mean": 0.1 * n}
        curve["points"].append(point)
    report.data["learning_curve"] = curve
    shown = {x.id: [y.svg for y in x.figures] for x in list_sections(report)}
    del report.data["learning_curve"]
    for section, plots in PLOTS.items():
        assert len(shown[section]) == len(plots), section
    every = " ".join(svg for drawn in shown.values() for svg in drawn)
    for title in ("Precision and recall", "Scores by threshold", "Reliability"):
        assert f'aria-label="{title}' in every
    # the page's colours, which change with the theme, and no white ground
    assert "var(--ink)" in every and "#ffffff" not in every


def test_letters_of_drawings_stand_where_they_were_measured(reports, browser, tmp_path):
    path = tmp_path / "report.html"
    write_reports(reports("right to left"), [path])
    page, _, _ = open_page(browser, path, 1280)
    words = page.evaluate(
        """() => [...document.querySelector('.card svg').querySelectorAll('text')]
        .map(x => [x.textContent, x.getBBox().x])"""
    )
    places = dict(words)
    assert places["יוסי"] > places["כהן"] > places["עובד"]  # from right to left
    assert places["Google"] < places["Maps"]  # but this from left to right
    page.close()


def test_nothing_is_taken_for_markup(reports):
    html = format_html(reports("html"))
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    markdown = format_report(reports("html"), ".md")
    assert "<script" not in markdown.replace("\\<", "")


def test_page_stays_small_and_says_what_is_left_out(reports):
    report = reports("2,000 documents")
    html = format_html(report)
    assert len(html) < 1_500_000
    n = report.data["errors"]["counts"]["spurious"]
    assert n > 500
    assert f"The first 12 of {n:,}; all of them are in the JSON." in html
    found = [x for x in report.data["errors"]["items"] if x["kind"] == "spurious"]
    assert len(found) == n


def test_json_can_be_written_and_markdown_has_the_figures(reports, tmp_path):
    report = reports("english")
    assert json.loads(json.dumps(report.data))["documents"] == 12
    path = tmp_path / "new" / "report.md"
    write_reports(report, [path])
    text = path.read_text(encoding="utf8")
    f = f"{100 * report.data['all_gold']['rel_micro_f']:.1f}"
    assert f"| F of relations, gold entities | {f} |" in text
    assert "## End to end" in text
    assert re.search(r"- document \d+: gold “Ann” —KNOWS→ “Bob” \(score", text)


def test_labels_without_support_are_named(reports):
    html = format_html(reports("english"))
    assert "predicted relations in the documents: NEVER_SEEN" in html
    assert "There are no errors." in format_html(reports("no errors"))
    assert "intervals require more than one document" in format_html(
        reports("more than one document")
    )


def test_end_to_end_errors_say_which_entity_was_lost(reports):
    report = reports("english")
    counts = report.data["end_to_end"]["errors"]["counts"]
    assert counts["type"] > 0  # Bob was taken for a firm
    notes = [x["note"] for x in report.data["end_to_end"]["errors"]["items"]]
    assert "“Bob” is PERSON, predicted as ORG" in notes
    russian = reports("russian").data["end_to_end"]["errors"]
    assert russian["counts"]["boundary"] > 0
    assert any(
        "“Анна Каренина” predicted as “Анна”" in x["note"] for x in russian["items"]
    )


def test_without_matplotlib_the_page_says_so(reports, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib", None)
    html = format_html(reports("english"))
    assert "matplotlib is not installed" in html
    assert "<figure" not in html
    assert 'class="relations"' in html  # errors are drawn all the same


def test_other_kinds_are_refused(reports, tmp_path):
    with pytest.raises(ValueError, match=r"found '.pdf', expected one of"):
        write_reports(reports("english"), [tmp_path / "report.pdf"])


def test_evaluation_leaves_the_pipeline_as_it_was(nlp, reports):
    extractor = nlp.get_pipe("relation_extractor")
    reports("english")
    assert extractor.calibration == {} and extractor.thresholds == {}
