"""HTTP service for entity and relation extraction, with a demo page.

Requires the extra `service`: `pip install -e ".[service]"`.
"""

from .app import create_app, create_app_from_environment
from .settings import ServiceSettings

__all__ = ["ServiceSettings", "create_app", "create_app_from_environment"]
