"""Convert requests to tasks, within limits."""

import asyncio
from typing import Any, Dict, List, Optional, Sequence, Tuple, Union

from pydantic import TypeAdapter, ValidationError

from ..tasks import Task
from .body import check_keys, too_much
from .messages import ENTITIES, GIVEN_ENTITIES, ExtractRequest, PredictRequest
from .problems import Problem, describe, from_errors, invalid, show_place
from .settings import ServiceSettings

Given = Dict[str, Any]
Place = Tuple[Union[str, int], ...]


async def read_predict(
    message: PredictRequest, settings: ServiceSettings
) -> List[Task]:
    """RETURNS (List[Task]): the texts of a request. RAISES (ServiceError): if
    something does not fit together, or is too much."""
    texts, given = message.chunks, message.entities_list
    _check_size("chunks", texts, settings)
    if given is None:
        return [Task(text, meta={"chunk_id": i}) for i, text in enumerate(texts)]
    if len(given) != len(texts):
        expected = f"a list of {len(texts)}, one for each text"
        raise invalid([Problem("entities_list", describe(given), expected)])
    tasks = []
    for i, (text, found) in enumerate(zip(texts, given)):
        place = ("entities_list", i)
        rows = await _validate(GIVEN_ENTITIES, found, place, settings)
        entities = [dict(zip(("start", "end", "label"), row)) for row in rows]
        _check_ends(text, entities, place)
        tasks.append(Task(text, entities, meta={"chunk_id": i}))
    return tasks


async def read_extract(
    message: ExtractRequest, settings: ServiceSettings
) -> List[Task]:
    """RETURNS (List[Task]): the texts of a request. RAISES (ServiceError): if
    something does not fit together, or is too much."""
    documents = message.documents
    _check_size("documents", [document.text for document in documents], settings)
    tasks = []
    for i, document in enumerate(documents):
        entities: Optional[List[Given]] = None
        if document.entities is not None:
            place = ("documents", i, "entities")
            entities = await _validate(ENTITIES, document.entities, place, settings)
            _check_ends(document.text, entities, place)
        tasks.append(Task(document.text, entities, meta={"id": document.id}))
    return tasks


def _check_size(name: str, texts: Sequence[str], settings: ServiceSettings) -> None:
    chars = sum(map(len, texts))
    if chars > settings.max_chars:
        raise too_much(name, f"{chars} characters", settings.max_chars)


async def _validate(
    kind: TypeAdapter, found: Any, place: Place, settings: ServiceSettings
) -> Any:
    """Validate the entities of a text, then let other requests proceed."""
    await asyncio.sleep(0)
    if isinstance(found, list):
        if len(found) > settings.max_entities:
            expected = f"at most {settings.max_entities} entities of one text"
            raise invalid([Problem(show_place(place), f"{len(found)}", expected)])
        for i, row in enumerate(found):
            check_keys(show_place((*place, i)), row)
    try:
        return kind.validate_python(found)
    except ValidationError as error:
        errors = error.errors(include_url=False)
    raise from_errors([{**x, "loc": ("body", *place, *x["loc"])} for x in errors])


def _check_ends(text: str, entities: Sequence[Given], place: Place) -> None:
    problems = []
    for i, row in enumerate(entities):
        if not row["start"] < row["end"] <= len(text):
            found = f"characters {describe(row['start'])} to {describe(row['end'])}"
            expected = f"start < end ≤ {len(text)}, the length of the text"
            problems.append(Problem(show_place((*place, i)), found, expected))
    if problems:
        raise invalid(problems)
