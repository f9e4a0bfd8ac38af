"""Route of the demo page."""

from fastapi import APIRouter, Response

from ..page import read_page

router = APIRouter()
PAGE, HEADERS = read_page()


@router.get("/", include_in_schema=False)
async def look() -> Response:
    """Demo page."""
    return Response(PAGE, media_type="text/html; charset=utf-8", headers=HEADERS)
