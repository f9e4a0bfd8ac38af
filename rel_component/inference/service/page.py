"""The demo page: a single file, with its content security policy."""

import base64
import hashlib
import re
from importlib.resources import files
from typing import Dict, Tuple


def read_page() -> Tuple[bytes, Dict[str, str]]:
    """RETURNS (Tuple[bytes, Dict[str, str]]): the page, and headers that only allow its
    own script, and requests to this service."""
    page = files(__package__).joinpath("page.html").read_text("utf8")
    policy = (
        "default-src 'none'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        f"frame-ancestors 'none'; script-src {_hash(page, 'script')}; "
        f"style-src {_hash(page, 'style')}"
    )
    headers = {"Content-Security-Policy": policy, "Referrer-Policy": "no-referrer"}
    return page.encode(), headers


def _hash(page: str, tag: str) -> str:
    (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
    digest = hashlib.sha256(content.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
