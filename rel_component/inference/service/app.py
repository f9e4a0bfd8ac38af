"""Create the ASGI app, with routes, OpenAPI description, startup and shutdown."""

from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, AsyncIterator, Dict, List, Optional, Union

from fastapi import APIRouter, FastAPI, Request, Response, Security
from fastapi.exceptions import RequestValidationError
from fastapi.security import APIKeyHeader, HTTPBearer
from spacy.language import Language
from starlette.exceptions import HTTPException

from ...about import __version__
from .middleware import Requests, to_response
from .problems import ServiceError, from_errors
from .routes import model as model_routes
from .routes import operation, page, relations
from .service import Service
from .settings import ServiceSettings

DESCRIPTION = "Extract entities and relations. See `/model` for the limits on requests."
# require the API key, if set; the open ones never do
ROUTERS = (relations.router, model_routes.router, operation.router)
OPEN_ROUTERS = (operation.health_router, page.router)
# only describes the key in OpenAPI; the middleware checks it
KEY = [
    Security(APIKeyHeader(name="X-API-Key", scheme_name="key", auto_error=False)),
    Security(HTTPBearer(scheme_name="bearer", auto_error=False)),
]


def create_app(
    model: Union[Language, str, Path], settings: Optional[ServiceSettings] = None
) -> FastAPI:
    """Create an ASGI app that extracts entities and relations.

    model (Union[Language, str, Path]): the folder of a relation extraction pipeline,
        which is run in separate processes. Or the pipeline itself, which is run in a
        thread, so that a long text delays all other requests; don't use it elsewhere
        while the app is running.
    settings (Optional[ServiceSettings]): the settings; None to read the environment.
    RETURNS (FastAPI): the app, e.g. for uvicorn.
    RAISES (ValueError): if the pipeline can't be loaded or doesn't predict relations,
        or if `settings.gpu` is set and there is no GPU.
    """
    settings = settings or ServiceSettings()
    service = Service(model if isinstance(model, Language) else Path(model), settings)

    @asynccontextmanager
    async def run(_: FastAPI) -> AsyncIterator[None]:
        service.start()
        yield
        await service.close()

    app = _App(
        title="rel_component",
        version=__version__,
        description=DESCRIPTION,
        lifespan=run,
        docs_url="/docs" if settings.docs else None,
        redoc_url=None,
        # redirects would use the host given by the client
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.service = service
    # FastAPI's own paths serve the OpenAPI description
    app.state.paths = app.state.open_paths = frozenset(_list_paths(app))
    for router in OPEN_ROUTERS:
        add_router(app, router, is_open=True)
    for router in ROUTERS:
        add_router(app, router)
    app.add_exception_handler(HTTPException, _answer_http_exception)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_middleware(Requests, state=app.state)
    return app


def add_router(
    app: FastAPI, router: APIRouter, *, prefix: str = "", is_open: bool = False
) -> None:
    """Add routes to an app, with API key and metrics per path.

    app (FastAPI): the output of `create_app`.
    router (APIRouter): the routes. Those with a body must be of class `LimitedRoute`.
    prefix (str): prefix of their paths.
    is_open (bool): whether to answer without API key.
    """
    paths = frozenset(prefix + path for path in _list_paths(router))
    app.state.paths |= paths
    needs_key = not is_open and app.state.service.settings.api_key is not None
    if is_open:
        app.state.open_paths |= paths
    app.include_router(router, prefix=prefix, dependencies=KEY if needs_key else None)
    app.openapi_schema = None  # may have been cached without them


class _App(FastAPI):
    def openapi(self) -> Dict[str, Any]:
        """Describe both headers for the key as alternatives; FastAPI requires both."""
        found = super().openapi()
        for methods in found["paths"].values():
            for said in methods.values():
                for needed in said.pop("security", ()):
                    ways = said.setdefault("security", [])
                    ways += [{name: needed[name]} for name in needed]
        return found


def _list_paths(router: Union[FastAPI, APIRouter]) -> List[str]:
    routes: List[Any] = list(router.routes)
    return [route.path for route in routes]


async def _answer_http_exception(request: Request, error: Exception) -> Response:
    """Format HTTP errors, including Starlette's own 404 and 405."""
    assert isinstance(error, HTTPException)
    if not isinstance(error, ServiceError):
        paths = ", ".join(sorted(request.app.state.paths))
        details = {
            404: f"Path not found; expected one of {paths}.",
            405: f"{request.method} is not allowed for this path; expected "
            f"{(error.headers or {}).get('Allow', 'another method')}.",
        }
        detail = details.get(error.status_code, str(error.detail))
        headers, error = (
            error.headers,
            ServiceError(error.status_code, detail, reason="path"),
        )
        error.headers = headers
    return to_response(error, request.scope["state"])


async def _answer_invalid(request: Request, error: Any) -> Response:
    return to_response(from_errors(error.errors()), request.scope["state"])
