"""Draw texts with entities and relations to a file."""

from pathlib import Path
from typing import Collection, List, NamedTuple, Optional, Tuple

import spacy
from spacy.language import Language
from spacy.tokens import Doc

from ..corpus.readers import copy_tokens, copy_without_relations, read_docs
from ..drawing import draw_svg
from ..files import write_text
from ..pipe.loading import list_entity_finders
from ..pipe.relation_pipes import RelationPipes
from ..visualise import WIDE, check_options, make_drawing, make_page
from .given import GIVEN_KEY
from .inputs import as_path, read_source
from .rows import list_entities
from .texts import check_entities_known, extract, find_relations

SUFFIXES = (".html", ".svg")


class Drawn(NamedTuple):
    """The contents of a drawing.

    texts (int): the number of texts drawn.
    relations (int): the number of relations drawn.
    left_out (int): the number of texts that exceed the limit.
    """

    texts: int
    relations: int
    left_out: int


def draw_texts(
    source: str,
    output: Path,
    nlp: Optional[Language] = None,
    *,
    lines: bool = False,
    labels: Collection[str] = (),
    min_score: float = 0.0,
    spans_key: Optional[str] = None,
    limit: int = 50,
    width: float = WIDE,
) -> Drawn:
    """Draw texts with entities and relations.

    source (str): a text, a file or a folder, see `read_source`; or a `.spacy` file.
    output (Path): the file to write: `.html`, or `.svg` for a single text.
    nlp (Optional[Language]): predicts the relations, and entities that aren't given;
        None draws the annotations of a `.spacy` file.
    lines (bool): read each line of a text file as a text.
    labels (Collection[str]): labels of relations to draw; empty for all.
    min_score (float): minimum score of a relation.
    spans_key (Optional[str]): key of `doc.spans` for entities; None draws all, see
        `list_entities`.
    limit (int): maximum number of texts.
    width (float): width of the drawing, in pixels.
    RETURNS (Drawn): the numbers of texts and relations.
    RAISES (ValueError): if the input or an argument is invalid.
    """
    if output.suffix not in SUFFIXES:
        raise ValueError(
            f"--output {output}: found {output.suffix!r}, expected one of "
            f"{', '.join(SUFFIXES)}."
        )
    docs, n_all = _find_docs(source, nlp, lines, limit)
    if not docs:
        raise ValueError(f"{source} contains no texts to draw.")
    if output.suffix == ".svg" and len(docs) > 1:
        raise ValueError(
            f"--output {output}: an .svg can show only one text, and {source} "
            f"contains {n_all}; use .html or --limit 1."
        )
    check_options(docs, width, spans_key, labels, min_score)
    if spans_key is None:
        spans_key, keys = (
            GIVEN_KEY,
            () if nlp is None else RelationPipes(nlp).spans_keys,
        )
        for doc in docs:
            doc.spans[GIVEN_KEY] = list_entities(doc, keys)
    drawings = [
        make_drawing(doc, spans_key, set(labels) or None, min_score) for doc in docs
    ]
    if output.suffix == ".svg":
        text = draw_svg(drawings[0], width=width)
    else:
        where = f" in {source}" if as_path(source) else ""
        text = make_page(
            drawings,
            [f"{i} of {n_all}" for i in range(1, len(docs) + 1)] if n_all > 1 else [],
            title=f"Entities and relations{where}",
            width=width,
        )
    write_text(output, text)
    n_relations = sum(len(drawing.arcs) for drawing in drawings)
    return Drawn(len(docs), n_relations, n_all - len(docs))


def _find_docs(
    source: str, nlp: Optional[Language], lines: bool, limit: int
) -> Tuple[List[Doc], int]:
    """RETURNS (Tuple[List[Doc], int]): the first texts, with relations, and the number
    of all."""
    if source.endswith(".spacy"):
        golds = list(read_docs(Path(source), nlp or spacy.blank("xx")))
        if nlp is None:
            return golds[:limit], len(golds)
        can_find = bool(list_entity_finders(nlp))
        copy = copy_tokens if can_find else copy_without_relations
        bare = [copy(gold) for gold in golds[:limit]]
        return list(extract(nlp, bare, is_given=not can_find)), len(golds)
    if nlp is None:
        raise ValueError(
            "--model is missing. Without a trained pipeline, only the annotations of "
            "a .spacy file can be drawn."
        )
    tasks = list(read_source(source, lines))
    check_entities_known(nlp, tasks[:limit])
    found = find_relations(nlp, tasks[:limit], source=str(as_path(source) or ""))
    return [x.doc for x in found], len(tasks)
