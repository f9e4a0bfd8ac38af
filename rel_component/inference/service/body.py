"""Read request bodies within limits, before validation."""

import asyncio
from typing import Any, Callable, Coroutine, List

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic_core import from_json
from starlette.requests import ClientDisconnect

from .problems import Problem, ServiceError, describe, invalid
from .service import Service
from .settings import ServiceSettings

# maximum keys per object; more than any valid one has
MAX_KEYS = 20
# bytes; larger bodies are parsed one at a time, so that others are not delayed
LARGE = 64_000
# seconds between two large bodies, to process other requests
PAUSE = 0.01


class LimitedRoute(APIRoute):
    """A route that limits request bodies, see `app.state.service.settings`; subclasses
    can raise the limits.

    max_body (int): maximum bytes, if higher than in the settings.
    max_values (int): maximum commas and brackets, if higher than in the settings.
    """

    max_body = 0
    max_values = 0

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """RETURNS (Callable): returns the response to a request."""
        handle = super().get_route_handler()

        async def handle_limited(request: Request) -> Response:
            limited = LimitedRequest(request.scope, request.receive)
            limited.route = self
            try:
                return await handle(limited)
            finally:
                limited.app.state.service.end_turn(limited)

        return handle_limited


class LimitedRequest(Request):
    """A request with a JSON body, limited in bytes, values and time to arrive."""

    route: LimitedRoute

    async def body(self) -> bytes:
        """RETURNS (bytes): the body. RAISES (ServiceError): if it's not accepted."""
        if not hasattr(self, "_body"):
            service: Service = self.app.state.service
            settings = service.settings
            self._check_headers()
            try:
                self._body = await asyncio.wait_for(
                    self._read(service), settings.body_timeout
                )
            except asyncio.TimeoutError:
                raise ServiceError(
                    408,
                    f"The body did not arrive within {settings.body_timeout:g} s.",
                    reason="body_timeout",
                ) from None
            if len(self._body) > LARGE:
                await service.take_turn(self)
                await asyncio.sleep(PAUSE)
            self._json = parse(self._body, settings, self.route.max_values)
        return self._body

    async def json(self) -> Any:
        """RETURNS (Any): the parsed body."""
        await self.body()
        return self._json

    def _check_headers(self) -> None:
        media_type = self.headers.get("content-type", "").partition(";")[0].strip()
        encoding = self.headers.get("content-encoding", "identity")
        if media_type.lower() != "application/json":
            detail = f"Content-Type: found {media_type[:60] or 'nothing'!r}; expected "
            detail += "application/json."
        elif encoding.lower() != "identity":
            detail = f"Content-Encoding: found {encoding[:60]!r}; expected none."
        else:
            return
        raise ServiceError(415, detail, reason="media_type")

    async def _read(self, service: Service) -> bytes:
        limit = max(service.settings.max_body, self.route.max_body)
        length = self.headers.get("content-length", "0")
        if length.isdecimal() and int(length[:20]) > limit:
            raise _too_large(length[:20], limit)
        parts: List[bytes] = []
        size = 0
        try:
            async for part in self.stream():
                size += len(part)
                if size > limit:
                    raise _too_large(f"more than {limit}", limit)
                service.hold(self, len(part))
                parts.append(part)
        except ClientDisconnect:
            raise ServiceError(
                400, "The connection ended before the body did.", reason="disconnect"
            ) from None
        return b"".join(parts)


def parse(body: bytes, settings: ServiceSettings, max_values: int = 0) -> Any:
    """Parse a body, unless it contains more values than allowed.

    body (bytes): JSON.
    settings (ServiceSettings): the limits.
    max_values (int): maximum commas and brackets, if higher than in the settings.
    RETURNS (Any): an object.
    RAISES (ServiceError): 400 if it's not JSON, 413 for too many texts, else 422.
    """
    # an entity has one bracket and three commas; texts contain commas, too
    most = 4 * settings.max_texts * (settings.max_entities + 2) + settings.max_chars
    found = body.count(b",") + body.count(b"[") + body.count(b"{")
    if found > max(most, max_values):
        raise ServiceError(
            422,
            f"body: found about {found} values; expected at most {settings.max_texts} "
            f"texts with {settings.max_entities} entities each.",
            reason="size",
        )
    try:
        data = from_json(body)
    except ValueError as error:
        raise ServiceError(
            400, f"The body is not JSON: {error}.", reason="json"
        ) from None
    if not isinstance(data, dict):
        raise invalid([Problem("body", describe(data), "an object")])
    check_keys("body", data)
    for name in ("chunks", "documents"):
        texts = data.get(name)
        if not isinstance(texts, list):
            continue
        if len(texts) > settings.max_texts:
            raise too_much(name, f"{len(texts)} texts", settings.max_texts)
        for i, text in enumerate(texts):
            check_keys(f"{name}[{i}]", text)
    return data


def too_much(name: str, found: str, limit: int) -> ServiceError:
    """RETURNS (ServiceError): 413 for too many or too long texts."""
    return ServiceError(
        413,
        f"{name}: found {found}; expected at most {limit} in one request.",
        problems=[Problem(name, found, f"at most {limit}")],
        reason="size",
    )


def check_keys(where: str, value: Any) -> None:
    """Limit the number of keys, since each unknown one would be reported."""
    if isinstance(value, dict) and len(value) > MAX_KEYS:
        found = f"an object with {len(value)} keys"
        raise invalid([Problem(where, found, f"at most {MAX_KEYS}")])


def _too_large(found: str, limit: int) -> ServiceError:
    return ServiceError(
        413,
        f"Body: found {found} bytes; expected at most {limit}. Split the texts into "
        f"several requests.",
        reason="size",
    )
