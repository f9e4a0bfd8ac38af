"""HTTP service for entity and relation extraction, with a demo page.

Requires the extra `service`: `pip install -e ".[service]"`.
"""

from .app import create_app
from .settings import ServiceSettings

__all__ = ["ServiceSettings", "create_app"]
