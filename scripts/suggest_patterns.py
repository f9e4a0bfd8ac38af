"""Learn patterns for a relation ruler from annotated documents.

    python scripts/suggest_patterns.py data/train.spacy --dev data/dev.spacy \
        --output assets/patterns.jsonl
"""

from pathlib import Path
from typing import List, Optional

import typer
from command import command, run_command
from wasabi import msg


@command
def main(
    data: Path = typer.Argument(..., help="Annotated documents, .spacy"),
    output: Path = typer.Option(
        Path("patterns.jsonl"), "--output", "-o", help="Output file, .jsonl"
    ),
    dev: Optional[Path] = typer.Option(
        None, help="Held-out documents, to evaluate the patterns"
    ),
    min_precision: float = typer.Option(
        0.8, min=0, max=1, help="Minimum precision of a pattern"
    ),
    min_support: int = typer.Option(
        3,
        min=1,
        help="Minimum number of relations that a pattern adds to the previous ones",
    ),
    max_patterns: int = typer.Option(
        5, min=1, help="Maximum patterns per label and pair of entity types"
    ),
    symmetric: List[str] = typer.Option([], help="Symmetric labels"),
    spans_key: Optional[str] = typer.Option(
        None, help="Key of doc.spans that holds the entities; by default doc.ents"
    ),
    lang: str = typer.Option("en", help="Language of the texts"),
) -> None:
    """Learn patterns for a relation ruler from annotated documents.

    Precision on the documents that patterns are learned from is too optimistic; use
    --dev for a better estimate. Check and edit the patterns before you use them: each
    is a line of JSON, see docs/rules.md.
    """
    import srsly

    from rel_component import get_relations
    from rel_component.corpus.readers import read_docs
    from rel_component.inference.rules import make_blank
    from rel_component.inspection.pattern_suggestions import (
        describe_conditions,
        score_patterns,
        suggest_patterns,
    )
    from rel_component.wording import plural

    nlp = make_blank(lang)
    docs = list(read_docs(data, nlp))
    if not any(get_relations(doc) for doc in docs):
        raise ValueError(f"{data} contains no relations to find patterns for.")
    devs = [] if dev is None else list(read_docs(dev, nlp))
    found = suggest_patterns(
        nlp,
        docs,
        spans_key=spans_key,
        symmetric=frozenset(symmetric),
        min_precision=min_precision,
        min_support=min_support,
        max_patterns=max_patterns,
    )
    if not found:
        msg.fail(
            f"No pattern finds {plural(min_support, 'relation')} in {data} with a "
            f"precision of {min_precision}. Lower --min-precision or --min-support.",
            exits=1,
        )
    patterns = [suggestion.pattern for suggestion in found]
    output.parent.mkdir(parents=True, exist_ok=True)
    srsly.write_jsonl(output, patterns)
    rows = [
        [
            suggestion.pattern["id"],
            describe_conditions(suggestion.pattern),
            str(suggestion.support),
            str(suggestion.new),
            f"{100 * suggestion.precision:.1f}",
        ]
        for suggestion in found
    ]
    header = ["pattern", "conditions", "support", "new", "P"]
    msg.table(rows, header=header, divider=True, aligns=tuple("llrrr"))
    for path, golds in ((data, docs), (dev, devs)):
        if golds:
            scores = score_patterns(nlp, golds, patterns, spans_key, symmetric)
            p, r, f = (100 * (scores[f"rel_micro_{x}"] or 0.0) for x in "prf")
            msg.text(f"All patterns on {path}: P {p:.1f}, R {r:.1f}, F {f:.1f}")
    msg.good(f"{plural(len(patterns), 'pattern')} written to {output}")


if __name__ == "__main__":
    run_command(main)
