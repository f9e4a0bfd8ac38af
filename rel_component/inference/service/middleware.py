"""Middleware for request ids, logs, metrics, API key and unexpected errors."""

import base64
import hmac
import logging
import re
import time
import uuid
from typing import Any, Dict, Optional, Tuple

from fastapi import Response
from pydantic_core import to_json
from starlette.datastructures import State
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .jobs import ModelFailed
from .logs import describe_error, log
from .problems import ServiceError
from .service import Service

ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
HEADERS = [(b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store")]
# bytes to send at once; the rest is sent when the client has read them
PIECE = 64_000


class Requests:
    """ASGI middleware.

    app (ASGIApp): the app.
    state (State): the app's state: `service` with settings and metrics; `paths` of the
        routes, since other paths are counted together; `open_paths`, which don't
        require an API key.
    """

    def __init__(self, app: ASGIApp, state: State) -> None:
        self.app = app
        self.state = state
        self.service: Service = state.service
        self.settings = self.service.settings
        self._in_progress = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = time.perf_counter()
        state: Dict[str, Any] = scope.setdefault("state", {})
        state.update(request_id=_read_id(scope), log={}, held=0)
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                own = (b"x-request-id", state["request_id"].encode())
                message["headers"] = [*message["headers"], *HEADERS, own]
            await _send_in_pieces(message, send)

        self._in_progress += 1
        try:
            self._check(scope)
            await self.app(scope, receive, send_with_id)
        except ServiceError as error:
            await to_response(error, state)(scope, receive, send_with_id)
        except Exception as error:
            self._log_failure(error, state)
            if status:  # too late for another response: close the connection
                raise
            unknown = ServiceError(
                500, "Internal error; see the log of the service.", reason="failed"
            )
            await to_response(unknown, state)(scope, receive, send_with_id)
        finally:
            self._in_progress -= 1
            self.service.release(state["held"])
            self._note(scope, status, time.perf_counter() - begun)

    def _check(self, scope: Scope) -> None:
        if scope["path"] in self.state.open_paths:
            return
        if self._in_progress > self.settings.max_requests:
            raise ServiceError(
                503,
                f"{self.settings.max_requests} requests, the maximum, are already in "
                f"progress. Try again later.",
                retry_after=1,
                reason="requests",
            )
        expected = self.settings.api_key
        if expected is None:
            return
        found = _get_header(scope, b"x-api-key")
        given = _get_header(scope, b"authorization") or b""
        if found is None and given[:7].lower() == b"bearer ":
            found = given[7:]
        elif found is None and given[:6].lower() == b"basic ":
            found = _read_password(given[6:])
        if found is None or not hmac.compare_digest(found, expected.encode()):
            error = ServiceError(
                401,
                f"{'Missing' if found is None else 'Wrong'} API key; expected "
                f"the service's key in the header X-API-Key or Authorization: Bearer.",
                reason="key",
            )
            error.headers = {"WWW-Authenticate": "Bearer"}
            raise error

    def _log_failure(self, error: Exception, state: Dict[str, Any]) -> None:
        if isinstance(error, ModelFailed):
            fields = error.fields
        else:
            fields = describe_error(error, self.settings.log_texts)
        log("failed", logging.ERROR, request_id=state["request_id"], **fields)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        path = scope["path"] if scope["path"] in self.state.paths else "other"
        metrics, state = self.service.metrics, scope["state"]
        metrics.observe_request(path, status, seconds)
        if "reason" in state["log"]:
            metrics.observe_refusal(state["log"]["reason"])
        log(
            "request",
            request_id=state["request_id"],
            method=scope["method"],
            path=path,
            status=status,
            ms=round(seconds * 1000, 1),
            **state["log"],
        )


def to_response(error: ServiceError, state: Dict[str, Any]) -> Response:
    """Convert an error to a response.

    error (ServiceError): the error.
    state (Dict[str, Any]): the request's state, to which the reason is added for the
        log.
    RETURNS (Response): an `ErrorResponse`.
    """
    state["log"]["reason"] = error.reason
    body = {
        "detail": error.detail,
        "problems": [problem._asdict() for problem in error.problems],
        "request_id": state["request_id"],
    }
    return Response(
        to_json(body),
        status_code=error.status_code,
        headers=error.headers,
        media_type="application/json",
    )


async def _send_in_pieces(message: Message, send: Send) -> None:
    body = message.get("body", b"")
    if len(body) <= PIECE:
        await send(message)
        return
    last = (len(body) - 1) // PIECE * PIECE
    for start in range(0, last, PIECE):
        piece = body[start : start + PIECE]
        await send({"type": message["type"], "body": piece, "more_body": True})
    await send({**message, "body": body[last:]})


def _read_id(scope: Scope) -> str:
    """Get the client's request id if it's valid, or create one."""
    given = (_get_header(scope, b"x-request-id") or b"").decode("latin-1")
    return given if ID.fullmatch(given) else uuid.uuid4().hex


def _read_password(credentials: bytes) -> bytes:
    """Get the API key of clients that only support basic auth, e.g. Label Studio."""
    try:
        _, _, password = base64.b64decode(credentials, validate=True).partition(b":")
    except ValueError:
        return b""
    return password


def _get_header(scope: Scope, name: bytes) -> Optional[bytes]:
    headers: Tuple[Tuple[bytes, bytes], ...] = scope["headers"]
    return next((value for key, value in headers if key == name), None)
