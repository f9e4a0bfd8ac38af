import json
import zipfile

import pytest

from rel_component.formats import FORMATS, Options, Report, find_format, iter_docs
from rel_component.relations import get_relation_data
from tests.paths import DATA

from ..mutate import damage, damage_bytes, for_seeds
from ..util import NLP, entities, read, triples, write_lines

TEXT = "Marie Curie worked at the University of Paris."
PER = {"id": 1662, "label": "PER", "start_offset": 0, "end_offset": 11}
ORG = {"id": 1663, "label": "ORG", "start_offset": 26, "end_offset": 45}
LINK = {"id": 300, "from_id": 1662, "to_id": 1663, "type": "WORKS_AT"}
EXAMPLE = {
    "id": 6400,
    "text": TEXT,
    "source": "news",
    "entities": [PER, ORG],
    "relations": [LINK],
    "Comments": [],
}
WORKS = ("Marie Curie", "WORKS_AT", "University of Paris")


def example(**changes):
    value = {**EXAMPLE, **changes}
    return {k: v for k, v in value.items() if v is not example}


def read_lines(tmp_path, *values, **options):
    return read(write_lines(tmp_path / "all.jsonl", list(values)), **options)


def test_reads_an_example(tmp_path):
    docs, report = read_lines(tmp_path, EXAMPLE, group_by="source")
    assert report.problems == [] and not report.repaired
    assert entities(docs[0]) == [("Marie Curie", "PER"), ("University of Paris", "ORG")]
    assert triples(docs[0]) == [WORKS]
    assert get_relation_data(docs[0]).complete is True
    source = docs[0].user_data["rel_component_source"]
    assert (source["line"], source["id"], source["group"]) == (1, "6400", "news")


def test_relations_point_from_their_head(tmp_path):
    back = {**LINK, "from_id": 1663, "to_id": 1662}
    docs, _ = read_lines(tmp_path, example(relations=[back]))
    assert triples(docs[0]) == [("University of Paris", "WORKS_AT", "Marie Curie")]


@pytest.mark.parametrize("key", ["label", "labels", "entities"])
def test_projects_without_relations(tmp_path, key):
    value = {"text": TEXT, key: [[0, 11, "PER"], [26, 45, "ORG"]]}
    path = write_lines(tmp_path / "a.jsonl", [value, {"text": "No one.", key: []}])
    assert find_format(path) is FORMATS["doccano"]
    docs, report = read(path)
    assert docs == []
    assert f"{path}:1 relations: missing" in report.problems[0]
    assert "--entities-only" in report.problems[0]
    assert report.n_lost == {"documents": 2, "entities": 2}
    docs, report = read(path, entities_only=True)
    assert report.problems == []
    assert entities(docs[0]) == [("Marie Curie", "PER"), ("University of Paris", "ORG")]
    assert not any(get_relation_data(doc).complete for doc in docs)


def test_older_name_of_text(tmp_path):
    value = example(text=example, data=TEXT)
    docs, report = read_lines(tmp_path, value)
    assert report.problems == [] and triples(docs[0]) == [WORKS]


def test_comments_are_counted(tmp_path):
    _, report = read_lines(tmp_path, example(Comments=["a", "b"], cats=["c"]))
    assert report.not_converted == {"doccano Comments": 2, "doccano cats": 1}


def test_bad_spans():
    path = DATA / "doccano" / "11_doccano_bad_spans.jsonl"
    docs, report = read(path)
    assert report.n_lost == {"entities": 5, "relations": 2}
    *bad, first, second, blank = report.problems
    for i, (found, problem) in enumerate(
        zip(("26-26 are", "45-26 are", "26-999 are", "-1-5 are"), bad)
    ):
        assert problem.startswith(f"{path}:1 entities[{i + 1}]: offsets {found} ")
    assert f"{path}:1 relations[0]: its tail entities[1] was not" in first
    assert f"{path}:1 relations[1]: its tail entities[3] was not" in second
    assert f"{path}:3 entities[2]: offsets 8-9 cover only whitespace" in blank
    assert report.repaired["whitespace around an entity trimmed"] == 2
    assert entities(docs[1]) == [
        ("Marie Curie", "PER"),
        ("University of Paris.", "ORG"),
    ]
    assert triples(docs[2]) == [("10", "HAS_UNIT", "km")]


def test_files_of_several_annotators(tmp_path):
    paths = [
        write_lines(tmp_path / "admin.jsonl", [EXAMPLE, example(id=1)]),
        write_lines(tmp_path / "anna.jsonl", [example(relations=[]), example(id=1)]),
    ]

    def read_both(policy):
        report = Report()
        docs = list(
            iter_docs(
                paths, Options(annotation=policy), report, tokenizer=NLP.tokenizer
            )
        )
        assert report.unaccounted() == {}
        return [triples(doc) for doc in docs], report

    found, report = read_both(None)
    assert found == [[WORKS]]  # they agree on the other one
    assert report.n_lost == {"documents": 2, "entities": 4, "relations": 1}
    assert report.problems[0].startswith(
        f"{paths[0]}:1: found 2 annotations of this text that differ, expected one "
        f"(here by admin; {paths[1]}:1 by anna)"
    )
    assert read_both("first")[0] == [[WORKS], [WORKS]]
    assert read_both("latest")[0] == [[], [WORKS]]
    assert read_both("by:anna")[0] == [[], [WORKS]]
    assert len(read_both("all")[0]) == 4


def test_lines_with_the_same_text(tmp_path):
    # other examples, as their ids say
    other = example(id=6401, relations=[])
    docs, report = read_lines(tmp_path, EXAMPLE, other)
    assert len(docs) == 2 and report.problems == []
    assert report.notes["documents repeated with other annotations"] == 1
    # nothing says so
    values = [example(id=example), example(id=example, relations=[])]
    docs, report = read_lines(tmp_path, *values)
    assert docs == []
    assert "expected one (here; line 2)" in report.problems[0]
    docs, report = read_lines(tmp_path, *values, annotation="all")
    assert len(docs) == 2 and report.problems == [] and not report.hints


@pytest.mark.parametrize(
    "changes,problem",
    [
        ({"text": None}, "text: found null"),
        ({"text": example}, "text: missing"),
        ({"entities": example}, "entities: missing, expected a list (found the"),
        (
            {"entities": example, "annotations": [{"label": 1, "start_offset": 0}]},
            "doccano's old JSONL, which has numbers for labels",
        ),
        ({"entities": 3}, "entities: found 3"),
        ({"entities": [PER, 3]}, "entities[1]: found 3, expected an object with"),
        ({"entities": [PER, [1, 2]]}, "entities[1]: found [1, 2], expected an object"),
        ({"entities": [[True, 2, "A"]]}, "entities[0][0]: found true"),
        ({"entities": [[0, 2, 5]]}, "entities[0][2]: found 5"),
        ({"entities": [PER, {**ORG, "label": ""}]}, "entities[1].label: found ''"),
        (
            {"entities": [PER, {**ORG, "id": 1662}]},
            "[1].id: found '1662' again",
        ),
        ({"entities": [PER, {**ORG, "id": [1]}]}, "entities[1].id: found [1]"),
        (
            {"entities": [PER, {**ORG, "start_offset": None}]},
            "relations[0].to_id: 1663 was not converted, see entities[1]",
        ),
        ({"relations": {}}, "relations: found {}"),
        ({"relations": [None]}, "relations[0]: found null"),
        ({"relations": [{**LINK, "type": None}]}, "relations[0].type: found null"),
        (
            {"relations": [{**LINK, "to_id": 1671}]},
            "relations[0].to_id: 1671 is not an entity of this example, expected one "
            "of 1662, 1663",
        ),
        ({"relations": [{**LINK, "from_id": 1.5}]}, "from_id: found 1.5"),
    ],
)
def test_wrong_fields_are_named(tmp_path, changes, problem):
    _, report = read_lines(tmp_path, EXAMPLE, example(**changes, id=2))
    assert any(problem in line for line in report.problems), report.problems
    assert all(f"{tmp_path}/all.jsonl:2 " in line for line in report.problems)


def test_old_export_with_label_ids(tmp_path):
    value = {"text": TEXT, "annotations": [{"label": 1, "start_offset": 0, "user": 1}]}
    docs, report = read_lines(tmp_path, value)
    assert docs == [] and report.n_lost == {"documents": 1, "entities": 1}
    assert "export as JSONL with text labels" in report.problems[0]


def test_text_classification_is_rejected(tmp_path):
    _, report = read_lines(tmp_path, {"id": 1, "text": TEXT, "label": ["science"]})
    assert "a project that labels whole texts" in report.problems[0]


@pytest.mark.parametrize(
    "text, spans, found",
    [
        ("e\u0301 ab", [[0, 1, "A"], [2, 4, "B"]], ["e\u0301", "ab"]),
        ("\U0001f1eb\U0001f1f7\U0001f1eb\U0001f1f7 ab", [[3, 5, "A"]], ["ab"]),
        ("\U0001f44d\U0001f3fd\u200d\U0001f467 ab", [[2, 4, "A"]], ["ab"]),
        # these are characters already
        ("e\u0301 ab", [[3, 5, "A"]], ["ab"]),
        ("\xe9 ab", [[3, 4, "A"]], ["b"]),
    ],
)
def test_offsets_in_grapheme_clusters(tmp_path, text, spans, found):
    value = {"text": text, "label": spans, "relations": []}
    (doc,), report = read_lines(tmp_path, value)
    assert [span.text for span in doc.spans["entities"]] == found
    is_repaired = "offsets in grapheme clusters" in report.repaired
    assert is_repaired == (spans[0][0] != 3 or "\U0001f1eb" in text)
    assert not report.hints


def test_offsets_that_end_inside_words_anyway(tmp_path):
    value = {"text": "e\u0301 abc", "label": [[4, 5, "A"]], "relations": []}
    _, report = read_lines(tmp_path, value)
    assert any("grapheme clusters as one" in hint for hint in report.hints)


@pytest.mark.parametrize(
    "start, end, found",
    [
        # one emoji of five characters, and a name that ends inside a word: it would be
        # a whole word, too, in clusters
        (6, 8, "\uc11c\uc6b8"),
        (2, 4, "\uc11c\uc6b8"),
    ],
)
def test_correct_entities_inside_words_are_not_moved(tmp_path, start, end, found):
    text = "\U0001f468\u200d\U0001f469\u200d\U0001f467 \uc11c\uc6b8\uc5d0 \ube44\uac00"
    if start == 2:  # in clusters, where the emoji is one character
        text = text.replace("\uc5d0", " ")
    value = {"text": text, "label": [[start, end, "LOC"]], "relations": []}
    (doc,), report = read_lines(tmp_path, value)
    assert [span.text for span in doc.spans["entities"]] == [found]
    assert bool(report.hints) == (start == 6)


@for_seeds(300)
def test_damaged_files(tmp_path, rng):
    values = [EXAMPLE, example(relations=[]), {"text": "a b", "label": [[0, 1, "A"]]}]
    path = tmp_path / "all.jsonl"
    if rng.randrange(3):
        values = damage(values, rng)
        path.write_text("\n".join(map(json.dumps, values)))
    else:
        path.write_bytes(damage_bytes(values, rng))
    # `read` asserts that everything is accounted for
    read(
        path,
        annotation=rng.choice([None, "all", "first", "latest", "by:all"]),
        entities_only=rng.random() < 0.5,
    )


def test_archive(tmp_path):
    path = tmp_path / "export.zip"
    rows = [EXAMPLE, example(id=2, relations=[])]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("anna.jsonl", "\n".join(map(json.dumps, rows)))
        archive.writestr(
            "ben.jsonl", json.dumps(example(relations=[{**LINK, "type": 5}]))
        )
    docs, report = read(path, annotation="by:anna")
    assert [triples(doc) for doc in docs] == [triples(read_example(tmp_path)), []]
    assert report.problems == [
        f"{path}/ben.jsonl:1 relations[0].type: found 5, expected a string; relation "
        f"not converted."
    ]
    with zipfile.ZipFile(path, "a") as archive:  # as macOS packs it again
        archive.writestr("__MACOSX/._anna.jsonl", b"\0\5\x16\7")
        archive.writestr(".DS_Store", b"\0\0\0\1")
    assert read(path, annotation="by:anna")[1].problems == report.problems
    # broken ones say so
    data = bytearray(path.read_bytes())
    data[60:90] = b"x" * 30
    path.write_bytes(bytes(data))
    docs, report = read(path)
    assert docs == [] and str(path) in report.problems[0]


@pytest.mark.parametrize("names", ["anna ben cara", "ben anna cara"])
def test_archive_with_an_annotator_who_has_done_nothing(tmp_path, names):
    path = tmp_path / "export.zip"
    long = example(source="x" * (1 << 17))
    with zipfile.ZipFile(path, "w") as archive:
        for name in names.split():
            content = "" if name == "ben" else json.dumps(long)
            archive.writestr(f"{name}.jsonl", content)
        archive.writestr("dan.jsonl", b"\xff")
    docs, report = read(path, annotation="all")
    assert [triples(doc) for doc in docs] == [[WORKS], [WORKS]]
    assert report.notes["annotators without examples"] == 1
    (problem,) = report.problems
    assert problem.startswith(f"{path}/dan.jsonl:1: byte 0 ")


def read_example(tmp_path):
    (doc,), _ = read_lines(tmp_path, EXAMPLE)
    return doc
