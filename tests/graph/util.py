"""Rows for graphs: each triple is a sentence of its own."""

HOSTILE = 'O"Neil & <b>Sons</b>; \x01'
WRITTEN = HOSTILE.replace("\x01", "\ufffd")


def make_row(id_, *triples, text=None):
    entities, relations, words = [], [], ""
    for head, label, tail, score in triples:
        ends = []
        start = len(words)
        for type_, name in (head, tail):
            begin = len(words)
            words += f"{name} "
            end = begin + len(name)
            ends.append({"start": begin, "end": end, "label": type_, "text": name})
        entities += ends
        relations.append(
            {
                "label": label,
                "score": score,
                "head": ends[0],
                "tail": ends[1],
                "sentence": {"start": start, "end": len(words) - 1},
            }
        )
    words = words if text is None else text
    return {"id": id_, "text": words, "entities": entities, "relations": relations}


def triple(head, tail, score, label="WORKS_FOR"):
    return (("PERSON", head), label, ("ORG", tail), score)
