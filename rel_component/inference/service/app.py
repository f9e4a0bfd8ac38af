"""The app: its routes, its description, its start and its end."""

import os
from contextlib import asynccontextmanager
from logging.config import dictConfig
from pathlib import Path
from typing import Any, AsyncIterator, Dict, List, Optional, Union

from fastapi import APIRouter, FastAPI, Request, Response, Security
from fastapi.exceptions import RequestValidationError
from fastapi.security import APIKeyHeader, HTTPBearer
from spacy.language import Language
from starlette.exceptions import HTTPException

from ...about import __version__
from .logs import get_log_config
from .middleware import Requests, to_response
from .problems import ServiceError, from_errors
from .routes import model as model_routes
from .routes import operation, page, relations
from .service import Service
from .settings import MODEL, ServiceSettings

DESCRIPTION = (
    "Entities and the relations between them. The limits of a request are in `/model`."
)
# those that need the key, if there is one, and those that don't
ROUTERS = (relations.router, model_routes.router, operation.router)
OPEN_ROUTERS = (operation.health_router, page.router)
# they say in the API's description that there is a key, which the middleware checks
KEY = [
    Security(APIKeyHeader(name="X-API-Key", scheme_name="key", auto_error=False)),
    Security(HTTPBearer(scheme_name="bearer", auto_error=False)),
]


def create_app(
    model: Union[Language, str, Path], settings: Optional[ServiceSettings] = None
) -> FastAPI:
    """An ASGI app that finds entities and relations.

    model (Union[Language, str, Path]): the folder of a pipeline that finds
        relations, which runs in processes of its own. Or the pipeline itself, which
        runs in a thread: while it works on a long text other requests wait too. It must
        not be used elsewhere while the app runs.
    settings (Optional[ServiceSettings]): None: those of the environment.
    RETURNS (FastAPI): for uvicorn.
    RAISES (ValueError): if the pipeline can't be loaded or finds no relations, or there
        is no GPU where one is wanted.
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
        # a redirect would go to whatever host the client names
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.service = service
    # FastAPI's own are of the description
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
    """Add routes to an app: with the key, if there is one, and counts for each path.

    app (FastAPI): of `create_app`.
    router (APIRouter): the routes. Of those with a body the class is `LimitedRoute`.
    prefix (str): of their paths.
    is_open (bool): whether they need no key.
    """
    paths = frozenset(prefix + path for path in _list_paths(router))
    app.state.paths |= paths
    needs_key = not is_open and app.state.service.settings.api_key is not None
    if is_open:
        app.state.open_paths |= paths
    app.include_router(router, prefix=prefix, dependencies=KEY if needs_key else None)
    app.openapi_schema = None  # it may have been made without them


class _App(FastAPI):
    def openapi(self) -> Dict[str, Any]:
        """One way to give the key is enough; FastAPI says that both are needed."""
        found = super().openapi()
        for methods in found["paths"].values():
            for said in methods.values():
                for needed in said.pop("security", ()):
                    ways = said.setdefault("security", [])
                    ways += [{name: needed[name]} for name in needed]
        return found


def create_app_from_environment() -> FastAPI:
    """The app of the pipeline that the variable REL_COMPONENT_MODEL names.

    RETURNS (FastAPI): for a server that takes a factory, such as `uvicorn --factory`.
    RAISES (ValueError): if there is no such variable.
    """
    if MODEL not in os.environ:
        raise ValueError(f"{MODEL} is not set; expected the folder of a pipeline.")
    dictConfig(get_log_config())
    return create_app(os.environ[MODEL])


def _list_paths(router: Union[FastAPI, APIRouter]) -> List[str]:
    routes: List[Any] = list(router.routes)
    return [route.path for route in routes]


async def _answer_http_exception(request: Request, error: Exception) -> Response:
    """Also Starlette's 404 and 405, in the form of all errors."""
    assert isinstance(error, HTTPException)
    if not isinstance(error, ServiceError):
        paths = ", ".join(sorted(request.app.state.paths))
        details = {
            404: f"Nothing is at this path; expected one of {paths}.",
            405: f"{request.method} is not for this path.",
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
