"""Routes to extract entities and relations."""

from typing import List

from fastapi import APIRouter, Request, Response

from ..body import LimitedRoute
from ..jobs import ExtractOptions, Job
from ..messages import (
    ExtractRequest,
    ExtractResponse,
    PredictedRelation,
    PredictRequest,
)
from ..reading import read_extract, read_predict
from .answers import list_errors, to_response

router = APIRouter(
    route_class=LimitedRoute,
    tags=["relations"],
    responses=list_errors(400, 401, 408, 413, 415, 422, 429, 500, 503),
)


@router.post("/predict", response_model=List[PredictedRelation])
async def predict(request: Request, message: PredictRequest) -> Response:
    """Extract relations in the format of the Russian R-BERT service: one list for all
    texts. Without `entities_list`, entities are predicted first."""
    service = request.app.state.service
    tasks = await read_predict(message, service.settings)
    parts = await service.answer(
        request, [Job(task, is_flat=True) for task in tasks], "chunks"
    )
    return to_response(b"[%b]" % b",".join(part[1:-1] for part in parts if part[2:]))


@router.post("/extract", response_model=ExtractResponse)
async def extract(request: Request, message: ExtractRequest) -> Response:
    """Extract entities and relations with their offsets, and optionally the scores of
    all pairs."""
    service = request.app.state.service
    tasks = await read_extract(message, service.settings)
    service.check_labels(message.labels)
    options = ExtractOptions(
        threshold=message.threshold,
        labels=None if message.labels is None else frozenset(message.labels),
        min_score=message.min_score if message.all_scores else None,
    )
    parts = await service.answer(
        request, [Job(task, options) for task in tasks], "documents"
    )
    return to_response(b'{"documents":[%b]}' % b",".join(parts))
