"""The picture at the top of the README: `python docs/draw_example.py`."""

from pathlib import Path

import spacy

from rel_component import visualise

TEXT = "We ask for 5+ years of experience in Python or Go and a BSc in Physics."
ENTITIES = {
    "5+ years": "EXPERIENCE",
    "Python": "SKILLS",
    "Go": "SKILLS",
    "BSc": "DIPLOMA",
    "Physics": "DIPLOMA_MAJOR",
}
RELATIONS = [
    ("5+ years", "EXPERIENCE_IN", "Python"),
    ("5+ years", "EXPERIENCE_IN", "Go"),
    ("BSc", "DEGREE_IN", "Physics"),
]


def draw() -> str:
    """RETURNS (str): SVG."""
    doc = spacy.blank("en")(TEXT)
    spans = {
        text: doc.char_span(TEXT.index(text), TEXT.index(text) + len(text), type_)
        for text, type_ in ENTITIES.items()
    }
    doc.ents = list(spans.values())
    doc._.relations = [(spans[h], label, spans[t], 1.0) for h, label, t in RELATIONS]
    svg = visualise.render(doc, jupyter=False, width=520) or ""
    # readable on a dark page too
    return svg.replace('style="', 'style="background: #ffffff; ', 1) + "\n"


if __name__ == "__main__":
    Path(__file__).with_name("example.svg").write_text(draw(), encoding="utf8")
