"""Responses and errors of the routes."""

from typing import Any, Dict, Union

from fastapi import Response
from pydantic_core import to_json

from ..messages import ErrorResponse

ERRORS = {
    400: "The body is not JSON.",
    401: "Missing or wrong API key.",
    404: "Not found.",
    408: "The body did not arrive in time.",
    409: "The service is not configured for this.",
    413: "Too large.",
    415: "The Content-Type of the body is not JSON.",
    422: "Invalid field.",
    429: "Too many texts are waiting; see Retry-After for when to try again.",
    500: "The model failed on a text.",
    503: "Timeout or overload; see Retry-After for when to try again.",
}


def list_errors(*statuses: int) -> Dict[Union[int, str], Dict[str, Any]]:
    """RETURNS (Dict): the `responses` of a route."""
    return {
        status: {"model": ErrorResponse, "description": ERRORS[status]}
        for status in statuses
    }


def to_response(content: Any) -> Response:
    """RETURNS (Response): a JSON response, from bytes or a serializable value."""
    body = content if isinstance(content, bytes) else to_json(content)
    return Response(body, media_type="application/json")
