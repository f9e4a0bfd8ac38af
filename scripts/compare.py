"""Test whether the difference between two trained pipelines is significant.

python scripts/compare.py training/model-best training/other data/test.spacy
"""

from pathlib import Path
from typing import Optional

import typer
from command import command, run_command, show_table, write_figures
from wasabi import msg


@command
def main(
    first: Path = typer.Argument(..., help="First trained pipeline"),
    second: Path = typer.Argument(..., help="Second trained pipeline"),
    data: Path = typer.Argument(..., help="Annotated documents, .spacy"),
    end_to_end: bool = typer.Option(
        False, help="Let the pipelines find the entities themselves"
    ),
    samples: int = typer.Option(10_000, min=100, help="Samples drawn for the test"),
    seed: int = typer.Option(0, min=0, help="Random seed of the test"),
    output: Optional[Path] = typer.Option(None, help="Write the figures as JSON"),
) -> None:
    """Compare two trained pipelines with a paired test over documents."""
    from rel_component.evaluation.comparison import compare_pipelines
    from rel_component.evaluation.tables import tabulate_comparison
    from rel_component.wording import points

    result = compare_pipelines(
        first, second, data, end_to_end=end_to_end, n_samples=samples, seed=seed
    )
    show_table(tabulate_comparison(result))
    msg.info(
        "If both pipelines were equally good, micro F would differ this much in "
        f"{points(result['micro_f']['p'])} % of cases."
    )
    write_figures(output, result)


if __name__ == "__main__":
    run_command(main)
