"""Bodies of requests: read within limits, as the message that they should be."""

import asyncio
from typing import Any, Dict, List, Sequence, Type, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request

from ..tasks import Task
from .messages import ExtractRequest, PredictRequest
from .problems import Problem, ServiceError, describe, from_validation, invalid
from .settings import ServiceSettings

Message = TypeVar("Message", bound=BaseModel)
Given = Dict[str, Any]


async def read_message(
    request: Request, kind: Type[Message], settings: ServiceSettings
) -> Message:
    """Read the body of a request.

    request (Request): the request.
    kind (Type[Message]): what it should be.
    settings (ServiceSettings): the limits.
    RETURNS (Message): the body.
    RAISES (ServiceError): if it is another, or too large, or does not come in time.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip()
    if media_type.lower() != "application/json":
        raise ServiceError(
            415,
            f"Content-Type: found {media_type[:60] or 'nothing'!r}; expected "
            f"application/json.",
            reason="media_type",
        )
    encoding = request.headers.get("content-encoding", "identity")
    if encoding.lower() != "identity":
        raise ServiceError(
            415,
            f"Content-Encoding: found {encoding[:60]!r}; expected none.",
            reason="media_type",
        )
    try:
        body = await asyncio.wait_for(
            _read_body(request, settings.max_body), settings.body_timeout
        )
    except asyncio.TimeoutError:
        raise ServiceError(
            408,
            f"The body did not arrive within {settings.body_timeout:g} s.",
            reason="body_timeout",
        ) from None
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        raise from_validation(error) from None


async def _read_body(request: Request, limit: int) -> bytes:
    length = request.headers.get("content-length", "0")
    if length.isdecimal() and int(length[:20]) > limit:
        raise _too_large(f"{length[:20]}", limit)
    parts: List[bytes] = []
    size = 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > limit:
                raise _too_large(f"more than {limit}", limit)
            parts.append(part)
    except ClientDisconnect:
        raise ServiceError(
            400, "The connection ended before the body did.", reason="disconnect"
        ) from None
    return b"".join(parts)


def _too_large(found: str, limit: int) -> ServiceError:
    return ServiceError(
        413,
        f"Body: found {found} bytes; expected at most {limit}. Send the texts in "
        f"several requests.",
        reason="size",
    )


def read_predict(message: PredictRequest, settings: ServiceSettings) -> List[Task]:
    """RETURNS (List[Task]): the texts of a request. RAISES (ServiceError): if
    something does not fit together, or is too much."""
    texts, given = message.chunks, message.entities_list
    _check_size("chunks", texts, settings)
    if given is None:
        return [Task(text) for text in texts]
    if len(given) != len(texts):
        expected = f"a list of {len(texts)}, one for each text"
        raise invalid([Problem("entities_list", describe(given), expected)])
    names = [f"entities_list[{i}]" for i in range(len(texts))]
    entities = [
        [{"start": start, "end": end, "label": label} for start, end, label in rows]
        for rows in given
    ]
    _check_entities(texts, entities, names, settings)
    return [Task(text, rows) for text, rows in zip(texts, entities)]


def read_extract(message: ExtractRequest, settings: ServiceSettings) -> List[Task]:
    """RETURNS (List[Task]): the texts of a request. RAISES (ServiceError): if
    something does not fit together, or is too much."""
    texts = [document.text for document in message.documents]
    _check_size("documents", texts, settings)
    tasks = [
        Task(
            document.text,
            None
            if document.entities is None
            else [entity.model_dump() for entity in document.entities],
        )
        for document in message.documents
    ]
    names = [f"documents[{i}].entities" for i in range(len(texts))]
    _check_entities(texts, [task.entities or [] for task in tasks], names, settings)
    return tasks


def _check_size(name: str, texts: Sequence[str], settings: ServiceSettings) -> None:
    if len(texts) > settings.max_texts:
        found, limit = f"{len(texts)} texts", settings.max_texts
    elif (chars := sum(map(len, texts))) > settings.max_chars:
        found, limit = f"{chars} characters", settings.max_chars
    else:
        return
    detail = f"{name}: found {found}; expected at most {limit} in one request."
    problem = Problem(name, found, f"at most {limit}")
    raise ServiceError(413, detail, problems=[problem], reason="size")


def _check_entities(
    texts: Sequence[str],
    entities: Sequence[Sequence[Given]],
    names: Sequence[str],
    settings: ServiceSettings,
) -> None:
    problems = []
    for text, rows, name in zip(texts, entities, names):
        if len(rows) > settings.max_entities:
            expected = f"at most {settings.max_entities} entities of one text"
            problems.append(Problem(name, f"{len(rows)}", expected))
        for i, row in enumerate(rows):
            if not row["start"] < row["end"] <= len(text):
                found = f"characters {describe(row['start'])} to {describe(row['end'])}"
                expected = f"start < end ≤ {len(text)}, the length of the text"
                problems.append(Problem(f"{name}[{i}]", found, expected))
    if problems:
        raise invalid(problems)
