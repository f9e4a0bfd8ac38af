"""Convert HTML to the text that offsets in a browser refer to."""

from html.parser import HTMLParser
from typing import Dict, List, Optional, Tuple

HIDDEN = ("head", "script", "style", "template", "title")


class _Renderer(HTMLParser):
    """Collects the text nodes of the body; a line break is one character."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: List[str] = []
        self.n_open: Dict[str, int] = dict.fromkeys(HIDDEN, 0)

    def handle_starttag(self, tag: str, attrs: List[Tuple[str, Optional[str]]]) -> None:
        if tag == "body":
            # whitespace before it is ignored
            self.parts.clear()
            self.n_open["head"] = 0
        elif tag in HIDDEN:
            self.n_open[tag] += 1
        elif tag == "br":
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in HIDDEN:
            self.n_open[tag] = max(0, self.n_open[tag] - 1)

    def handle_data(self, data: str) -> None:
        if not any(self.n_open.values()):
            self.parts.append(data)


def render(html: str) -> str:
    """Get the text of a page: without tags, with decoded character references, and
    `<br>` as newline.

    html (str): the source.
    RETURNS (str): the text, with the original whitespace.
    RAISES (ValueError): if it can't be parsed.
    """
    renderer = _Renderer()
    try:
        # browsers normalize line breaks
        renderer.feed(html.replace("\r\n", "\n").replace("\r", "\n"))
        renderer.close()
    except AssertionError as error:  # for some invalid declarations
        raise ValueError(str(error)) from None
    return "".join(renderer.parts)
