import json

import pytest
import spacy
from spacy.tokens import Span, SpanGroup

from rel_component import get_relations
from rel_component.entity_scores import set_entity_scores
from rel_component.inference.given import copy_entities, make_docs
from rel_component.inference.rows import to_row
from rel_component.inference.tasks import Task, read_folder, read_table, read_tasks
from rel_component.inference.texts import check_entities_known, extract
from rel_component.model.candidates import PairGenerator
from rel_component.pipe.loading import choose_entity_place, list_entity_finders

from ..util import make_doc

TEXT = "Ann works for Acme ."
ENTITIES = [
    {"start": 0, "end": 3, "label": "PERSON"},
    {"start": 14, "end": 18, "label": "ORG"},
]


def test_json_lines_with_text_tokens_and_meta(tmp_path):
    path = tmp_path / "in.jsonl"
    rows = [
        {"text": TEXT, "entities": ENTITIES, "id": 7},
        {"tokens": ["Ann", "left"]},
        {"text": ""},
    ]
    path.write_text("\ufeff" + "\n".join(map(json.dumps, rows)) + "\n\n", "utf8")
    tasks = list(read_tasks(path))
    assert tasks[0] == Task(TEXT, ENTITIES, None, {"id": 7})
    assert tasks[1].tokens == ["Ann", "left"]
    docs = list(make_docs(spacy.blank("en"), tasks))
    assert [(e.text, e.label_) for e in docs[0].ents] == [
        ("Ann", "PERSON"),
        ("Acme", "ORG"),
    ]
    assert [len(doc) for doc in docs] == [5, 2, 0]


def test_entities_as_lists(tmp_path):
    path = tmp_path / "in.jsonl"
    entities = [
        [entity[key] for key in ("start", "end", "label")] for entity in ENTITIES
    ]
    path.write_text(json.dumps({"text": TEXT, "entities": entities}), "utf8")
    assert list(read_tasks(path)) == [Task(TEXT, ENTITIES)]


def test_entities_beside_tokens_count_characters():
    tokens = ["5", "years", "of", "Java"]
    entities = [{"start": 0, "end": 7, "label": "EXP"}]
    entities += [{"start": 11, "end": 15, "label": "SKILL"}]
    (doc,) = make_docs(spacy.blank("en"), [Task("", entities, tokens)])
    assert [(e.text, e.label_) for e in doc.ents] == [
        ("5 years", "EXP"),
        ("Java", "SKILL"),
    ]
    entities = [{"start": 0, "end": 2, "label": "EXP"}]
    with pytest.raises(
        ValueError, match="in text 1: entity EXP at characters 0–2 is not"
    ):
        list(make_docs(spacy.blank("en"), [Task("", entities, tokens)], "in"))


def test_text_file_is_one_text_or_one_for_each_line(tmp_path):
    path = tmp_path / "in.txt"
    path.write_text("One.\n\nTwo.\n", encoding="utf8")
    assert [task.text for task in read_tasks(path)] == ["One.\n\nTwo.\n"]
    assert [task.text for task in read_tasks(path, by_line=True)] == ["One.", "Two."]


@pytest.mark.parametrize(
    "line,expected",
    [
        ("{", "in.jsonl:1: not JSON"),
        ("[]", "in.jsonl:1: found list; expected an object with 'text'"),
        ('{"txt": "a"}', "found fields ['txt']; expected 'text'"),
        ('{"text": 5}', "expected 'text', a string"),
        ('{"text": "a", "entities": {}}', "entities: found {}; expected a list"),
        (
            '{"text": "a", "entities": [{"start": "0", "end": 1, "label": "X"}]}',
            "entities[0].start: found '0'; expected a whole number",
        ),
        (
            '{"text": "a", "entities": [{"start": 0, "end": 1}]}',
            "entities[0]: has no label; found start, end. An entity is an object",
        ),
        (
            '{"text": "a", "entities": [{"start": 0, "end": 1, "type": "X"}]}',
            "entities[0]: has no label; found start, end, type. An entity is",
        ),
        ('{"text": "a", "entities": [7]}', "entities[0]: found 7. An entity is"),
        ('{"text": "a", "entities": [[0, 1]]}', "entities[0]: found [0, 1]. An"),
        ('{"text": "a", "entities": [[0, 1, 2]]}', "entities[0].label: found 2; exp"),
    ],
)
def test_messages_name_file_line_and_field(tmp_path, line, expected):
    path = tmp_path / "in.jsonl"
    path.write_text(line, encoding="utf8")
    with pytest.raises(ValueError) as error:
        list(read_tasks(path))
    assert expected in str(error.value)


def test_other_encoding_is_named(tmp_path):
    path = tmp_path / "in.txt"
    path.write_bytes("Café".encode("latin-1"))
    with pytest.raises(ValueError, match="byte 3 is not UTF-8"):
        list(read_tasks(path))


@pytest.mark.parametrize("start,end", [(-1, 3), (3, 3), (4, 2), (0, 99)])
def test_entity_outside_its_text_is_named(start, end):
    task = Task("abc def", [{"start": start, "end": end, "label": "X"}])
    with pytest.raises(ValueError, match="text 1: entity X at characters"):
        list(make_docs(spacy.blank("en"), [task]))


def test_row_is_plain_data_with_characters(vocab):
    doc = make_doc(vocab, TEXT, [(0, 1, "PERSON"), (3, 4, "ORG")], [(0, "AT", 1)])
    row = json.loads(json.dumps(to_row(doc, {"id": 1})))
    assert row["id"] == 1
    assert row["entities"] == [
        {"start": 0, "end": 3, "label": "PERSON", "text": "Ann"},
        {"start": 14, "end": 18, "label": "ORG", "text": "Acme"},
    ]
    (relation,) = row["relations"]
    assert (relation["label"], relation["score"]) == ("AT", 1.0)
    assert relation["head"]["text"] == "Ann"


def test_given_entities_are_kept_and_others_found(vocab):
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": "FOUND", "pattern": "Acme"}])
    assert list_entity_finders(nlp) == ["entity_ruler"]
    given = make_doc(nlp.vocab, TEXT, [(0, 1, "PERSON")])
    (doc,) = extract(nlp, [given], is_given=True)
    assert [ent.label_ for ent in doc.ents] == ["PERSON"]
    (doc,) = extract(nlp, [nlp.make_doc(TEXT)], is_given=False)
    assert [ent.label_ for ent in doc.ents] == ["FOUND"]
    ent = Span(doc, 3, 4, "FOUND", kb_id="Q1", span_id="first")
    doc.ents = [ent]
    set_entity_scores(doc, {ent: 0.25})
    span = Span(doc, 0, 1, "IN_GROUP")
    doc.spans["sc"] = SpanGroup(doc, spans=[span], attrs={"scores": [0.75]})
    copy = spacy.blank("en").make_doc(TEXT)  # with strings of its own
    copy_entities(doc, copy)
    (in_group,) = copy.spans["sc"]
    assert in_group._.entity_score == 0.75
    (found,) = copy.ents
    assert (found.label_, found.kb_id_, found.id_) == ("FOUND", "Q1", "first")
    assert found._.entity_score == 0.25
    assert [ent.text for ent in copy.ents] == ["Acme"]
    assert get_relations(copy) == []


def test_folder_of_texts(tmp_path):
    (tmp_path / "b.TXT").write_text("Two.\nThree.", encoding="utf8")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.y.txt").write_bytes("\ufeffOne.\r\n".encode())
    (tmp_path / "a" / "notes.md").write_text("None.", encoding="utf8")
    tasks = list(read_folder(tmp_path))
    assert tasks == [
        Task("One.\r\n", meta={"id": "a/x.y"}),
        Task("Two.\nThree.", meta={"id": "b"}),
    ]
    ids = [task.meta["id"] for task in read_folder(tmp_path, by_line=True)]
    assert ids == ["a/x.y-1", "b-1", "b-2"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"no \.txt file found in this folder"):
        list(read_folder(tmp_path / "empty"))


def test_lines_are_read_one_by_one(tmp_path):
    path = tmp_path / "in.jsonl"
    good = json.dumps({"text": "a\u2028b"}, ensure_ascii=False)
    path.write_bytes(b"\xef\xbb\xbf" + good.encode() + b"\r\n" + b'{"text": "\xff"}')
    tasks = read_tasks(path)
    assert next(tasks).text == "a\u2028b"
    with pytest.raises(ValueError, match="byte 32 is not UTF-8"):
        next(tasks)


def test_given_entities_stand_where_the_model_looks_for_them():
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe("relation_extractor")
    pipe.model.attrs["get_instances"] = PairGenerator(spans_key="all")
    (doc,) = make_docs(nlp, [Task(TEXT, ENTITIES)])
    assert [span.text for span in doc.spans["all"]] == ["Ann", "Acme"]
    assert len(pipe.get_candidates([doc])) == 2


def test_found_entities_stand_where_the_model_looks_for_them():
    nlp = spacy.blank("en")
    found, bare = make_doc(nlp.vocab, TEXT, [(0, 1, "A")]), nlp.make_doc(TEXT)
    copy_entities(found, bare, "all")
    assert [span.text for span in bare.spans["all"]] == ["Ann"]
    found.spans["all"] = [found[0:1], found[0:4]]
    copy_entities(found, bare, "all", "all")
    assert [span.text for span in bare.spans["all"]] == ["Ann", "Ann works for Acme"]


def test_entities_of_another_group_of_spans():
    """Stand where the model looks for them, with their scores."""
    nlp = spacy.blank("en")
    found = nlp.make_doc(TEXT)
    spans = [Span(found, 0, 4, "A"), Span(found, 3, 4, "B")]
    scored = SpanGroup(found, spans=spans, attrs={"scores": [0.75, 0.5]})
    found.spans["sc"] = scored
    bare = nlp.make_doc(TEXT)
    copy_entities(found, bare, "all", "sc")
    assert [span._.entity_score for span in bare.spans["all"]] == [0.75, 0.5]
    bare = nlp.make_doc(TEXT)
    copy_entities(found, bare, None, "sc")
    assert [(ent.text, ent.label_) for ent in bare.ents] == [(found[:4].text, "A")]


def build_finders(*components):
    nlp = spacy.blank("en")
    for i, (name, config) in enumerate(components):
        nlp.add_pipe(name, str(i), config=config)
    return nlp


RULER, NER = ("entity_ruler", {}), ("ner", {})
BOTH = ("span_ruler", {"spans_key": "sc", "annotate_ents": True})
SPANS, MINE = [("spancat", {"spans_key": key}) for key in ("sc", "mine")]


@pytest.mark.parametrize(
    "components, spans_key, place",
    [
        ([RULER], None, None),
        ([RULER], "mine", None),
        ([SPANS], "mine", "sc"),
        ([SPANS], None, "sc"),
        ([SPANS, MINE], "mine", "mine"),
        ([SPANS, NER], None, None),
        ([BOTH], None, None),
        ([SPANS, NER], "mine", None),
    ],
)
def test_place_of_the_entities_of_another_pipeline(components, spans_key, place):
    assert choose_entity_place(build_finders(*components), spans_key) == place


def test_pipelines_without_entities_to_take():
    with pytest.raises(ValueError, match="doesn't predict any"):
        choose_entity_place(build_finders(("sentencizer", {})))
    with pytest.raises(ValueError, match=r"doc.spans\['sc'\] and doc.spans\['mine'\]"):
        choose_entity_place(build_finders(SPANS, MINE), "entities")
    nlp = spacy.blank("en")
    nlp.add_pipe("relation_extractor")
    with pytest.raises(ValueError, match="doesn't predict any; expected a component"):
        check_entities_known(nlp, [Task("a")], spacy.blank("en"))
    check_entities_known(nlp, [Task("a", [])], spacy.blank("en"))


def test_components_that_do_not_say_where_they_write():
    """Third-party components needn't have `assigns`."""
    nlp = spacy.blank("en")

    @spacy.Language.component("silent_finder")
    def find(doc):
        doc.ents = [Span(doc, 0, 1, label="A")]
        doc.spans["mine"] = [doc[0:2]]
        return doc

    nlp.add_pipe("silent_finder")
    assert choose_entity_place(nlp) is None
    assert choose_entity_place(nlp, "mine") == "mine"
    for key, expected in (("mine", ["Ann works"]), ("other", ["Ann"])):
        bare = nlp.make_doc(TEXT)
        copy_entities(nlp(TEXT), bare, key, choose_entity_place(nlp, key))
        assert [span.text for span in bare.spans[key]] == expected
        assert [ent.text for ent in bare.ents] == ["Ann"]


def test_columns_with_the_same_name_are_kept(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,note,note\nAnn,1,2\n", encoding="utf8")
    (task,) = read_table(path)
    assert task.meta == {"note": "1", "note_2": "2"}
