"""Around each request: its id, its log line, its metrics, the key, the last resort."""

import base64
import hmac
import json
import logging
import re
import time
import uuid
from typing import Any, Dict, Optional, Tuple

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .logs import describe_error, log
from .metrics import Metrics
from .problems import ServiceError
from .settings import ServiceSettings

OPEN_PATHS = frozenset({"/", "/health", "/ready", "/openapi.json", "/docs"})
PATHS = OPEN_PATHS | {"/predict", "/extract", "/model", "/metrics"}
# of rel_component.integrations.label_studio, where it is added
PREFIXES = ("/label-studio/",)
ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
HEADERS = [(b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store")]


class Requests:
    """ASGI middleware.

    app (ASGIApp): what answers.
    settings (ServiceSettings): the key, and how many requests may be in progress.
    metrics (Metrics): what is counted.
    """

    def __init__(
        self, app: ASGIApp, settings: ServiceSettings, metrics: Metrics
    ) -> None:
        self.app = app
        self.settings = settings
        self.metrics = metrics
        self._in_progress = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = time.perf_counter()
        request_id = _read_id(scope)
        state: Dict[str, Any] = scope.setdefault("state", {})
        state["request_id"], state["log"] = request_id, {}
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                own = (b"x-request-id", request_id.encode())
                message["headers"] = [*message["headers"], *HEADERS, own]
            await send(message)

        self._in_progress += 1
        try:
            self._check(scope)
            await self.app(scope, receive, send_with_id)
        except ServiceError as error:
            await send_error(error, scope, send_with_id)
        except Exception as error:
            found = describe_error(error, self.settings.log_texts)
            log("failed", logging.ERROR, request_id=request_id, **found)
            if status:  # too late for another answer: the connection is ended
                raise
            unknown = ServiceError(500, "The service failed. Its log says where.")
            await send_error(unknown, scope, send_with_id)
        finally:
            self._in_progress -= 1
            self._note(scope, status, time.perf_counter() - begun)

    def _check(self, scope: Scope) -> None:
        if scope["path"] in OPEN_PATHS:
            return
        if self._in_progress > self.settings.max_requests:
            raise ServiceError(
                503,
                f"{self.settings.max_requests} requests are in progress and no more "
                f"may be. Try again later.",
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
                f"{'No key' if found is None else 'A wrong key'} was given; expected "
                f"the service's key in the header X-API-Key or Authorization: Bearer.",
                reason="key",
            )
            error.headers["WWW-Authenticate"] = "Bearer"
            raise error

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        path = scope["path"] if scope["path"] in PATHS else "other"
        for prefix in PREFIXES:
            path = prefix if scope["path"].startswith(prefix) else path
        self.metrics.observe_request(path, status, seconds)
        fields = scope["state"]
        if "reason" in fields["log"]:
            self.metrics.observe_refusal(fields["log"]["reason"])
        log(
            "request",
            request_id=fields["request_id"],
            method=scope["method"],
            path=path,
            status=status,
            ms=round(seconds * 1000, 1),
            **fields["log"],
        )


async def send_error(error: ServiceError, scope: Scope, send: Send) -> None:
    """Answer a request with an error.

    error (ServiceError): the error.
    scope (Scope): of the request.
    send (Send): of the request.
    """
    state = scope["state"]
    state["log"]["reason"] = error.reason
    body = {**error.body, "request_id": state["request_id"]}
    headers = {"Content-Type": "application/json", **error.headers}
    encoded = [(k.lower().encode(), v.encode()) for k, v in headers.items()]
    content = json.dumps(body, ensure_ascii=False).encode()
    encoded.append((b"content-length", str(len(content)).encode()))
    start = {"type": "http.response.start", "status": error.status, "headers": encoded}
    await send(start)
    await send({"type": "http.response.body", "body": content})


def _read_id(scope: Scope) -> str:
    """The client's own id, where it is a harmless one."""
    given = (_get_header(scope, b"x-request-id") or b"").decode("latin-1")
    return given if ID.fullmatch(given) else uuid.uuid4().hex


def _read_password(credentials: bytes) -> bytes:
    """Some clients, such as Label Studio, only know a user and a password."""
    try:
        _, _, password = base64.b64decode(credentials, validate=True).partition(b":")
    except ValueError:
        return b""
    return password


def _get_header(scope: Scope, name: bytes) -> Optional[bytes]:
    headers: Tuple[Tuple[bytes, bytes], ...] = scope["headers"]
    return next((value for key, value in headers if key == name), None)
