"""The share of small faults in a module that its tests catch.

    pip install cosmic-ray
    python benchmarks/mutants.py tests/test_scorer.py --files rel_component/scorer.py

A sample of cosmic-ray's mutants, one for each place: annotations, texts of messages,
decorators and `is` for `==` are left out. The file is changed in place and put back, so
nothing else may use the checkout. Each mutant is tested in a fork, so that spaCy is
imported once (POSIX only).
"""

import ast
import difflib
import importlib
import os
import random
import sys
import time
from collections import defaultdict
from contextlib import contextmanager
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Dict, Iterator, List, NamedTuple, Sequence, Tuple

import pytest
import typer
from cosmic_ray import plugins
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code

Place = Tuple[int, int]

IS_FOR_EQUAL = ("Is_Eq", "IsNot_NotEq")


class Mutant(NamedTuple):
    """A small fault.

    path (Path): the file.
    start (Tuple[int, int]): line and column.
    operator (str): cosmic-ray's name of the change.
    occurrence (int): which of the operator's places in the file.
    """

    path: Path
    start: Place
    operator: str
    occurrence: int

    def make(self) -> str:
        """RETURNS (str): the file with the fault."""
        operator = plugins.get_operator(self.operator)()
        return mutate_code(self.path.read_text("utf8"), operator, self.occurrence)


def main(
    tests: Annotated[List[str], typer.Argument(help="test files of the module")],
    files: Annotated[str, typer.Option(help="files of the module, with commas")],
    n: Annotated[int, typer.Option(help="mutants")] = 25,
    seed: Annotated[int, typer.Option(help="of the sample")] = 0,
) -> None:
    """Print each mutant, and how many of them the tests caught."""
    sys.path.insert(0, os.getcwd())
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    import_others()
    begin = time.time()
    if run(tests, timeout=600.0):
        raise SystemExit("The tests fail without any mutant.")
    timeout = 3 * (time.time() - begin) + 5
    sys.dont_write_bytecode = True
    chosen = choose_mutants([Path(name) for name in files.split(",")], n, seed)
    n_caught = 0
    for i, mutant in enumerate(chosen, start=1):
        before, after = mutant.path.read_text("utf8"), mutant.make()
        with written(mutant.path, after):
            is_caught = run(tests, timeout) != 0
        n_caught += is_caught
        where = f"{mutant.path}:{mutant.start[0]} {mutant.operator}"
        word = "caught" if is_caught else "SURVIVED"
        print(f"{word} {where} ({n_caught} of {i} caught)", flush=True)
        if not is_caught:
            print(show_change(before, after), flush=True)


def import_others() -> None:
    """Import what takes long, once for all forks, and nothing of what is tested."""
    for name in ("spacy.cli", "spacy.training", "spacy.lang.en", "hypothesis"):
        importlib.import_module(name)
    for point in entry_points(group="spacy_factories"):  # as spacy.blank does
        if not point.value.startswith("rel_component"):
            point.load()
    assert "rel_component" not in sys.modules
    found = find_spec("rel_component")  # what is tested is what is changed
    assert found and Path(str(found.origin)).is_relative_to(Path.cwd()), found


def choose_mutants(paths: Sequence[Path], n: int, seed: int) -> List[Mutant]:
    """RETURNS (List[Mutant]): some at random, each at another place, as drawn."""
    places = group_mutants(paths)
    rng = random.Random(seed)
    return [rng.choice(places[key]) for key in rng.sample(sorted(places), n)]


def group_mutants(paths: Sequence[Path]) -> Dict[Tuple[str, Place], List[Mutant]]:
    """RETURNS (Dict[Tuple[str, Place], List[Mutant]]): those of some files, by path
    and place."""
    places = defaultdict(list)
    for path in paths:
        text = path.read_text("utf8")
        ignored, operators = list(find_ignored(text)), list(find_operators(text))
        nodes = list(ast_nodes(get_ast(text)))
        for name in plugins.operator_names():
            operator_class = plugins.get_operator(name)
            if operator_class.arguments() or not is_useful(name):
                continue
            found = [p for x in nodes for p in operator_class().mutation_positions(x)]
            for i, (start, _) in enumerate(found):
                is_star = "BinaryOperator" in name and not is_within(start, operators)
                if not is_star and not is_within(start, ignored):
                    places[str(path), start].append(Mutant(path, start, name, i))
    return places


def is_useful(operator: str) -> bool:
    """RETURNS (bool): whether it changes what the code does, and not so that nearly any
    test sees it, as a property that becomes a method."""
    if operator.endswith("RemoveDecorator"):
        return False
    _, _, change = operator.partition("ComparisonOperator_")
    old, _, new = change.partition("_")
    is_identity = new.startswith("Is") and not old.startswith("Is")
    return not is_identity and change not in IS_FOR_EQUAL


def is_within(place: Place, ranges: List[Tuple[Place, Place]]) -> bool:
    return any(begin <= place < end for begin, end in ranges)


def find_ignored(text: str) -> Iterator[Tuple[Place, Place]]:
    """YIELDS (Tuple[Place, Place]): annotations, and texts of messages and errors."""
    for node in ast.walk(ast.parse(text)):
        parts = [getattr(node, name, None) for name in ("annotation", "returns")]
        is_stack_level = isinstance(node, ast.keyword) and node.arg == "stacklevel"
        if isinstance(node, (ast.Raise, ast.JoinedStr)) or is_stack_level:
            parts.append(node)
        for part in parts:
            if isinstance(part, ast.AST):
                yield (
                    (part.lineno, part.col_offset),
                    (part.end_lineno, part.end_col_offset),
                )


def find_operators(text: str) -> Iterator[Tuple[Place, Place]]:
    """YIELDS (Tuple[Place, Place]): between the two sides of an operator; `*` before an
    argument is none."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.BinOp):
            left, right = node.left, node.right
            yield (
                (left.end_lineno, left.end_col_offset),
                (right.lineno, right.col_offset),
            )


def run(tests: List[str], timeout: float) -> int:
    """RETURNS (int): exit code of pytest in a fork; -1 if it took too long."""
    pid = os.fork()
    if not pid:
        code = 1
        try:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 1), os.dup2(null, 2)
            options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "pytest_timeout"]
            code = int(pytest.main([*options, *tests]))
        finally:
            os._exit(code)
    end = time.time() + timeout
    while time.time() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    return -1


@contextmanager
def written(path: Path, text: str) -> Iterator[None]:
    """The file with another text, until the end of the block."""
    before = path.read_text("utf8")
    try:
        path.write_text(text, "utf8")
        yield
    finally:
        path.write_text(before, "utf8")


def show_change(before: str, after: str) -> str:
    """RETURNS (str): the lines that differ."""
    lines = difflib.ndiff(before.splitlines(), after.splitlines())
    return "\n".join(line for line in lines if line[0] in "-+")


if __name__ == "__main__":
    typer.run(main)
