"""Routes for monitoring. Health checks don't require the API key."""

import asyncio

from fastapi import APIRouter, Request, Response

from ..messages import Status
from ..problems import ServiceError
from .answers import list_errors, to_response

health_router = APIRouter(tags=["operation"])
router = APIRouter(tags=["operation"])


@health_router.get("/health", response_model=Status)
async def health() -> Response:
    """Whether the service is running."""
    return to_response({"status": "ok"})


@health_router.get("/ready", response_model=Status, responses=list_errors(503))
async def ready(request: Request) -> Response:
    """Whether the service accepts requests."""
    trouble = request.app.state.service.batcher.trouble
    if trouble is not None:
        raise ServiceError(
            503, f"Not ready: {trouble}.", retry_after=5, reason="not_ready"
        )
    return to_response({"status": "ready"})


@router.get(
    "/metrics",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {}}, "description": "Prometheus metrics."},
        **list_errors(401),
    },
)
async def metrics(request: Request) -> Response:
    """Prometheus metrics on requests, batches and waiting texts."""
    content = await asyncio.to_thread(request.app.state.service.metrics.render)
    return Response(content, media_type="text/plain; version=0.0.4; charset=utf-8")
