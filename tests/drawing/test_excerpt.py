from rel_component.drawing import make_excerpt

from ..util import make_doc


def test_excerpt_leaves_out_what_is_far(vocab):
    words = " ".join(f"w{i}" for i in range(60))
    doc = make_doc(vocab, words, [(5, 6, "X"), (50, 52, "Y"), (30, 31, "Z")])
    entities = [(e.start, e.end, e.label_, "plain") for e in doc.ents]
    drawing = make_excerpt(doc, entities, [((5, 6), (50, 52), "L", "gold")], context=2)
    shown = [word.text for word in drawing.words]
    assert shown == ["…", "w3", "w4", "w5", "w6", "w7", "…", "w48", "w49", "w50", "w51",
                     "w52", "w53", "…"]  # fmt: skip
    assert [entity.label for entity in drawing.entities] == ["X", "Y"]
    assert (drawing.arcs[0].head, drawing.arcs[0].tail) == (0, 1)
