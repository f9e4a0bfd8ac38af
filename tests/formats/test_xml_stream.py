import pytest

from rel_component.formats import FormatError
from rel_component.formats.xml_stream import MAX_DEPTH, SIZE, check_xml, iter_elements


def write(tmp_path, content):
    path = tmp_path / "a.xml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_elements_with_their_lines(tmp_path):
    text = '<a>\n<x:b id="1">one<c/>two &amp; three</x:b>\n<b><b>inner</b></b>\n</a>'
    first, second = iter_elements(write(tmp_path, text), "b")
    assert (first.name, first.line, first.attrs) == ("b", 2, {"id": "1"})
    assert first.text == "onetwo & three"
    assert [child.name for child in first.children] == ["c"]
    assert second.line == 3 and second.children[0].text == "inner"


def test_what_has_ended_is_there_before_the_file_is_read(tmp_path):
    """In memory is only what is not yet yielded."""
    path = write(tmp_path, "<a><b/>" + " " * 2 * SIZE + "</a")
    found = iter_elements(path, "b")
    assert next(found).name == "b"
    with pytest.raises(FormatError, match="ends in the middle"):
        next(found)


@pytest.mark.parametrize(
    "content, encoding",
    [
        ("<a><b>é</b></a>".encode(), "utf-8-sig"),
        ("\ufeff<a><b>é</b></a>".encode(), "utf-8-sig"),
        ("\ufeff<a><b>é</b></a>".encode("utf-16-le"), "utf-8-sig"),
        ('<?xml version="1.0" encoding="latin-1"?><a><b>é</b></a>'.encode("latin-1"),)
        + ("utf-8-sig",),
        # what the user says goes before what the file says
        ('<?xml version="1.0" encoding="utf-8"?><a><b>é</b></a>'.encode("latin-1"),)
        + ("latin-1",),
    ],
)
def test_encodings(tmp_path, content, encoding):
    (node,) = iter_elements(write(tmp_path, content), "b", encoding)
    assert node.text == "é"


EXTERNAL = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'
PARAMETER = '<!DOCTYPE a [<!ENTITY % x SYSTEM "x.dtd"> %x;]><a/>'


@pytest.mark.parametrize(
    "content, found",
    [
        ("hello", "a.xml:1: not XML: syntax error at column 1."),
        ("<a>\n<b></a>", "a.xml:2: not XML: mismatched tag at column 6."),
        ("<a>\n\n<b>", "a.xml:3: not XML: no element found at column 4. The file ends"),
        ("<a", "a.xml:1: not XML: unclosed token at column 1. The file ends in the"),
        ("<a>&x;</a>", "a.xml:1: not XML: undefined entity at column 4."),
        (b"<a>\xe9</a>", "column 4. The file is not UTF-8: give --encoding"),
        (b"<a>\0</a>", "not well-formed (invalid token) at column 4. The rest"),
        ('<?xml version="1.0" encoding="x"?><a/>', "unknown encoding"),
        ('<?xml version="1.0" encoding="shift_jis"?><a/>', "multi-byte encodings are"),
        (EXTERNAL, "found the declaration of the entity 'x', expected the characters"),
        (PARAMETER, "found the declaration of the entity 'x', expected the characters"),
        ('<!DOCTYPE a SYSTEM "x.dtd"><a>&alpha;</a>', "found the entity &alpha; which"),
        ("<a>" * 10**5, f"found more than {MAX_DEPTH} elements inside each other"),
    ],
)
def test_what_is_refused(tmp_path, content, found):
    path = write(tmp_path, content)
    with pytest.raises(FormatError) as error:
        list(iter_elements(path, "b"))
    assert str(tmp_path) in str(error.value) and found in str(error.value)
    with pytest.raises(FormatError) as error:
        check_xml(path.read_bytes(), "a.xml")
    assert found in str(error.value)


def test_good_files_pass(tmp_path):
    check_xml(b'<!DOCTYPE a SYSTEM "a.dtd"><a x="1">y</a>', "a.xml")
    assert list(iter_elements(write(tmp_path, "<a/>"), "b")) == []
