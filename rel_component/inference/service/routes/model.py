"""Route for information on the model."""

from fastapi import APIRouter, Request, Response

from ..messages import ModelInfo
from .answers import list_errors, to_response

router = APIRouter(tags=["model"])


@router.get("/model", response_model=ModelInfo, responses=list_errors(401))
async def model(request: Request) -> Response:
    """The model's labels, schema and threshold, and the service's versions and
    limits."""
    return to_response(request.app.state.service.info)
