"""Log one JSON object per line, without texts."""

import json
import logging
import time
import traceback
from typing import Any, Dict

LOGGER = logging.getLogger("rel_component.service")


class JsonFormatter(logging.Formatter):
    """Formats a record as JSON, with additional fields as `extra={"fields": {...}}`."""

    def format(self, record: logging.LogRecord) -> str:
        fields: Dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "pid": record.process,
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return json.dumps(fields, ensure_ascii=False, default=str)


def log(message: str, level: int = logging.INFO, **fields: Any) -> None:
    """Log a message with fields."""
    LOGGER.log(level, message, extra={"fields": fields})


def describe_error(error: BaseException, log_texts: bool) -> Dict[str, Any]:
    """Get the fields to log for an error; its message is omitted by default, since it
    may contain text.

    error (BaseException): the error.
    log_texts (bool): whether texts may be logged.
    RETURNS (Dict[str, Any]): its type and where it was raised.
    """
    places = [
        f"{frame.filename}:{frame.lineno} {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)
    ]
    fields: Dict[str, Any] = {"error": type(error).__name__, "at": places}
    return {**fields, "error_message": str(error)} if log_texts else fields


def get_log_config(level: str = "INFO") -> Dict[str, Any]:
    """RETURNS (Dict[str, Any]): config for `logging.config.dictConfig`, including
    uvicorn's logs."""
    logger = {"handlers": ["stderr"], "level": level, "propagate": False}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": f"{__name__}.JsonFormatter"}},
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": "json"},
        },
        "loggers": {"uvicorn": logger, LOGGER.name: logger},
    }
