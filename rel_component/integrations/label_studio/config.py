"""Read the labeling config of a project."""

from typing import Any, Iterator, NamedTuple, Optional, Tuple
from xml.etree import ElementTree

TEXTS = ("Text", "HyperText")
CONTROLS = ("Labels", "HyperTextLabels")
# maximum characters; configs are written by hand, so they are much shorter
MAX_LENGTH = 1_000_000


class LabelConfig(NamedTuple):
    """A labeling config.

    from_name (str): name of the tag with the entity types.
    to_name (str): name of the tag with the text.
    field (str): field of a task's data that contains the text.
    entities (Tuple[str, ...]): entity types; Label Studio doesn't display others.
    relations (Tuple[str, ...]): relation labels; empty if any is allowed.
    """

    from_name: str
    to_name: str
    field: str
    entities: Tuple[str, ...]
    relations: Tuple[str, ...]


def read_config(text: Any) -> LabelConfig:
    """Read a labeling config.

    text (str): XML.
    RETURNS (LabelConfig): its first text tag that has labels.
    RAISES (ValueError): if anything is missing.
    """
    root = _parse(text)
    for control in _find(root, CONTROLS):
        for shown in _find(root, TEXTS):
            if control.get("toName") == shown.get("name"):
                return LabelConfig(
                    from_name=control.get("name", ""),
                    to_name=shown.get("name", ""),
                    field=shown.get("value", "").removeprefix("$"),
                    entities=tuple(_list_values(control, "Label")),
                    relations=tuple(_list_values(root, "Relation")),
                )
    found = ", ".join(sorted({element.tag for element in root.iter()}))
    raise ValueError(
        f"The labeling config has no <Labels> for a <Text> (found {found}); expected a "
        f"labelled text, such as <Labels name='label' toName='text'> and <Text "
        f"name='text' value='$text'>."
    )


def _parse(text: Any) -> ElementTree.Element:
    if not isinstance(text, str) or len(text) > MAX_LENGTH:
        raise ValueError("The labeling config is missing or too long; expected XML.")
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ValueError(f"The labeling config is not XML: {error}.") from error


def _find(root: ElementTree.Element, tags: Tuple[str, ...]) -> Iterator[Any]:
    return (element for element in root.iter() if element.tag in tags)


def _list_values(root: ElementTree.Element, tag: str) -> Iterator[str]:
    for element in root.iter(tag):
        value: Optional[str] = element.get("alias") or element.get("value")
        if value:
            yield value
