"""How routes answer, and how they may fail."""

from typing import Any, Dict, Union

from fastapi import Response
from pydantic_core import to_json

from ..messages import ErrorResponse

ERRORS = {
    400: "The body is no JSON.",
    401: "The key is missing or wrong.",
    404: "There is no such thing.",
    408: "The body did not arrive in time.",
    409: "The service is not set up for it.",
    413: "Too large.",
    415: "The body is not declared as JSON.",
    422: "A field is wrong.",
    429: "Too many texts wait; try again after the seconds in Retry-After.",
    500: "The model failed on a text.",
    503: "No time or no room; try again after the seconds in Retry-After.",
}


def list_errors(*statuses: int) -> Dict[Union[int, str], Dict[str, Any]]:
    """RETURNS (Dict): for the `responses` of a route."""
    return {
        status: {"model": ErrorResponse, "description": ERRORS[status]}
        for status in statuses
    }


def to_response(content: Any) -> Response:
    """RETURNS (Response): of JSON, or of what becomes JSON."""
    body = content if isinstance(content, bytes) else to_json(content)
    return Response(body, media_type="application/json")
