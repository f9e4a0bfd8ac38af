"""Random damage to JSON, for the tests of readers: seeded, so that it repeats.

How many damaged files there are is multiplied by the environment variable MUTATIONS.
"""

import copy
import inspect
import json
import os
import random
import re
from typing import Any, Callable, List, Sequence

VALUES = [
    *(None, True, False, -1, 0, 1, 7, 10**30, 0.5, float("nan"), float("inf")),
    *("", " ", "Paris", "1", "\x00", "right", "relation"),
    *([], {}, [[]], [{}], [1], {"start": 1}, {"id": []}),
]


def how_many(n: int) -> int:
    """RETURNS (int): damaged files to try, where CI tries `n`."""
    return n * int(os.environ.get("MUTATIONS", "1"))


def for_seeds(n: int, readable: float = 0) -> Callable[[Callable], Callable]:
    """Call a test once for each of `n` seeds, with `rng`: one test, not hundreds.

    n (int): how many, where CI tries as many.
    readable (float): the share of calls that have to return something.
    RETURNS (Callable): of the test; what fails names the seed and the files.
    """

    def decorate(test: Callable) -> Callable:
        def run(**fixtures: Any) -> None:
            n_readable, n_seeds = 0, how_many(n)
            for seed in range(n_seeds):
                try:
                    n_readable += bool(test(rng=random.Random(seed), **fixtures))
                except Exception as error:
                    folder = fixtures.get("tmp_path")
                    raise AssertionError(f"seed {seed}, files in {folder}") from error
            assert n_readable >= readable * n_seeds

        signature = inspect.signature(test)
        names = [p for name, p in signature.parameters.items() if name != "rng"]
        run.__signature__ = signature.replace(parameters=names)
        run.__name__ = test.__name__
        return run

    return decorate


def damage(value: Any, rng: random.Random) -> Any:
    """A copy with up to four parts replaced, removed or repeated, at any depth."""
    value = copy.deepcopy(value)
    for _ in range(rng.randint(1, 4)):
        part = value
        while isinstance(part, (dict, list)) and part:
            keys = list(part) if isinstance(part, dict) else list(range(len(part)))
            key = rng.choice(keys)
            if not isinstance(part[key], (dict, list)) or rng.random() < 0.3:
                _change(part, key, rng)
                break
            part = part[key]
    return value


def _change(part: Any, key: Any, rng: random.Random) -> None:
    action = rng.choice(["set", "set", "delete", "repeat"])
    if action == "set":
        part[key] = copy.deepcopy(rng.choice(VALUES))
    elif action == "delete":
        del part[key]
    elif isinstance(part, list):
        part.append(copy.deepcopy(part[key]))


def damage_bytes(values: List[Any], rng: random.Random) -> bytes:
    """Lines of JSON with up to three cuts or foreign bytes."""
    data = bytearray("\n".join(map(json.dumps, values)).encode())
    for _ in range(rng.randint(1, 3)):
        start = rng.randrange(len(data) + 1)
        end = start + rng.choice([0, 1, 5, 500])
        data[start:end] = rng.randbytes(rng.randint(0, 3))
    return bytes(data)


PIECES = [
    *("\t", "\t\t", " ", "\r", "\n", "\n\n", "-", "O", "B-", "I-PER", "X-PER", "PER"),
    *(
        "#",
        "#doc",
        "-DOCSTART-",
        "1",
        "99",
        "[",
        "]",
        "[]",
        "'",
        '"',
        ",",
        "(",
        "\u2028",
    ),
    *("<e1>", "</e2>", "Other", "Comment", "\u00a0", "\U0001f600", "\x00"),
]


def damage_text(text: str, rng: random.Random, pieces: Sequence[str] = PIECES) -> bytes:
    """Text with up to four pieces put in, taken out or repeated, or foreign bytes."""
    for _ in range(rng.randint(1, 4)):
        start = rng.randrange(len(text) + 1)
        end = start + rng.choice([0, 1, 1, 2, 10, 500])
        piece = rng.choice([*pieces, "", text[start:end] * 2])
        text = text[:start] + piece + text[end:]
    data = bytearray(text.encode())
    if rng.random() < 0.2:
        start = rng.randrange(len(data) + 1)
        data[start:start] = rng.randbytes(rng.randint(1, 3))
    return bytes(data)


XML_PART = re.compile(r'(?<==")[^"]*(?=")|(?<=>)[^<]*(?=</)|<[^<>]*/>')
XML_VALUES = ["", " ", "-1", "0", "3", "17", "x", "1 2", "9" * 30, "NaN", "\u00e9"]


def damage_xml(text: str, rng: random.Random) -> bytes:
    """XML that is well-formed, with up to four values changed or elements removed."""
    for _ in range(rng.randint(1, 4)):
        part = rng.choice(list(XML_PART.finditer(text)))
        value = "" if part.group().startswith("<") else rng.choice(XML_VALUES)
        if rng.random() < 0.2:
            value = part.group() * 2
        text = text[: part.start()] + value + text[part.end() :]
    return text.encode()
