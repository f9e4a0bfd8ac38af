import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rel_component.brat_config import (
    parse_annotation_conf,
    read_annotation_conf,
    read_roles,
)
from rel_component.schema import Schema
from tests.paths import ASSETS, DATA

DATA = DATA / "brat"
NEWS = DATA / "news" / "annotation.conf"
NEREL = ASSETS / "nerel" / "annotation.conf"


def write(folder, text):
    path = folder / "annotation.conf"
    path.write_text(text, encoding="utf8")
    return path


def test_reads_labels_types_and_symmetry():
    relations = read_annotation_conf(NEWS)["relations"]
    assert list(relations) == [
        "WORKS_AT",
        "LOCATED_IN",
        "MARRIED",
        "WON",
        "ALIAS",
        "CAUSES",
    ]
    assert [k for k, v in relations.items() if v["symmetric"]] == ["MARRIED", "ALIAS"]
    assert [k for k, v in relations.items() if v.get("transitive")] == ["ALIAS"]
    assert relations["WORKS_AT"]["pairs"] == [["PERSON", "ORG"]]


def test_children_satisfy_a_constraint_on_their_parent():
    pairs = read_annotation_conf(NEWS)["relations"]["LOCATED_IN"]["pairs"]
    heads = {head for head, _ in pairs}
    assert heads == {"ORG", "CITY", "COUNTRY"}  # Place itself can't be annotated


def test_repeated_names_are_united():
    pairs = read_annotation_conf(NEWS)["relations"]["ALIAS"]["pairs"]
    assert pairs == [["PERSON", "PERSON"], ["ORG", "ORG"]]


def test_roles_other_than_arg1_are_in_the_order_of_the_file():
    relations = read_annotation_conf(NEWS)["relations"]
    assert relations["WON"]["pairs"] == [["PERSON", "AWARD"]]


def test_order_of_arg1_and_arg2_does_not_count(tmp_path):
    path = write(tmp_path, "[entities]\nA\nB\n[relations]\nR Arg2:B, Arg1:A\n")
    assert read_annotation_conf(path)["relations"]["R"]["pairs"] == [["A", "B"]]


def test_groups_and_events():
    pairs = read_annotation_conf(NEWS)["relations"]["CAUSES"]["pairs"]
    types = {"AWARD", "CITY", "COUNTRY", "Marry", "ORG", "PERSON"}
    assert {tuple(pair) for pair in pairs} == {("Marry", type_) for type_ in types}


def test_alternative_names_stand_for_the_first(tmp_path):
    text = "[entities]\nPERSON | Per\n[relations]\nR | r2 Arg1:Per, Arg2:PERSON\n"
    relations = read_annotation_conf(write(tmp_path, text))["relations"]
    assert relations == {"R": {"pairs": [["PERSON", "PERSON"]], "symmetric": False}}


def test_macros_may_use_macros(tmp_path):
    text = (
        "[entities]\n<P>=Man|Woman\n<ALL>=<P>|Dog\nMan\nWoman\nDog\n"
        "[relations]\nKNOWS\tArg1:<ALL>, Arg2:<P>\n"
    )
    pairs = read_annotation_conf(write(tmp_path, text))["relations"]["KNOWS"]["pairs"]
    assert len(pairs) == 6


def test_macros_that_grow_without_end_are_refused(tmp_path):
    macros = "".join(f"<m{i}>=<m{i - 1}>|<m{i - 1}>\n" for i in range(1, 60))
    text = (
        f"[entities]\nMan\n[relations]\n<m0>=Man\n{macros}KNOWS\tArg1:<m59>, Arg2:Man\n"
    )
    path = write(tmp_path, text)
    assert read_roles(path) == {}
    (problem,) = parse_annotation_conf(path)[1]
    assert problem.startswith(f"{path}:64: the macro <m") and "100,000" in problem


def test_many_types_and_repeated_lines(tmp_path):
    types = "".join(f"T{i}\n" for i in range(300))
    line = "KNOWS\tArg1:<ENTITY>, Arg2:<ENTITY>\n"
    path = write(tmp_path, f"[entities]\n{types}[relations]\n{line}{line}")
    pairs = read_annotation_conf(path)["relations"]["KNOWS"]["pairs"]
    assert len(pairs) == len(set(map(tuple, pairs))) == 90_000


def test_every_mistake_is_named_with_its_line():
    path = DATA / "bad_lines" / "annotation.conf"
    with pytest.raises(ValueError) as error:
        read_annotation_conf(path)
    assert str(error.value).splitlines() == [
        f"{path}:6: found the macro <Thing>, which is not defined in this file, "
        f"expected a type or a macro. Define it in a line '<Thing>=TYPE|TYPE'.",
        f"{path}:7: relation 'Binds': found 'Arg1:Gene|Protein; Arg2:Gene', expected "
        f"'Arg1:TYPE, Arg2:TYPE', arguments separated by a comma and types by '|'. "
        f"Write ',' instead of ';'.",
    ]
    data, problems = parse_annotation_conf(path)
    assert len(problems) == 2
    assert data["relations"] == {
        "Binds": {"pairs": [["Gene", "Gene"]], "symmetric": True}
    }


@pytest.mark.parametrize(
    "line, found",
    [
        ("R", "found the arguments none, expected two"),
        ("R Arg1:A", "found the arguments Arg1, expected two"),
        ("R Arg1:A, Arg1:A", "found the arguments Arg1, expected two"),
        ("R Arg1:A, Arg2:A, Arg3:A", "found the arguments Arg1, Arg2, Arg3"),
        ("R Arg1 A, Arg2 A", "found 'Arg1 A', expected"),
        ("R Arg1:A, Arg2:C", "found the type 'C', which is not in [entities]"),
        ("! Arg1:A, Arg2:A", "expected a relation's name"),
    ],
)
def test_mistakes_in_relations(line, found, tmp_path):
    path = write(tmp_path, f"[entities]\nA\n[relations]\n{line}\n")
    with pytest.raises(ValueError, match=r"annotation\.conf:4: ") as error:
        read_annotation_conf(path)
    assert found in str(error.value)


@pytest.mark.parametrize(
    "data, found",
    [
        (b"", "found the sections none, expected [relations]"),
        (b"[entities]\nA\n", "found the sections [entities], expected [relations]"),
        (b"[entities]\nB\xe4r\n", ":2: byte 12 is not valid UTF-8"),
    ],
)
def test_other_files_are_refused(data, found, tmp_path):
    path = tmp_path / "annotation.conf"
    path.write_bytes(data)
    with pytest.raises(ValueError) as error:
        read_annotation_conf(path)
    assert found in str(error.value)


@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_mutated_files_give_sentences_or_a_schema(data, tmp_path):
    text = NEWS.read_text(encoding="utf8")
    for _ in range(data.draw(st.integers(1, 5))):
        start = data.draw(st.integers(0, len(text)))
        end = start + data.draw(st.integers(0, 15))
        new = st.sampled_from(["", "|", "<", ":", ",", "\n", "\t", "!", "[", "\r"])
        text = text[:start] + data.draw(new | st.text(max_size=3)) + text[end:]
    path = tmp_path / "annotation.conf"
    path.write_bytes(text.encode("utf8", "replace"))
    found, problems = parse_annotation_conf(path)
    assert all(problem.startswith(f"{path}:") for problem in problems)
    Schema.from_dict(found)


@pytest.mark.skipif(
    not NEREL.is_file(), reason="assets/nerel is missing: run `spacy project assets`"
)
def test_nerel():
    schema = Schema.from_path(NEREL)
    assert len(schema.labels) == 49
    assert schema.symmetric == frozenset()
    assert schema.allows("PERSON", "WORKS_AS", "PROFESSION")
    assert not schema.allows("PROFESSION", "WORKS_AS", "PERSON")
    assert len(schema.pairs["ABBREVIATION"]) == 29 * 29
