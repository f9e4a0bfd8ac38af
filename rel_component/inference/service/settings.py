"""What an operator of the service may set, and where workers read it from."""

import os
from dataclasses import dataclass, fields
from typing import Any, Dict, Mapping, Optional

PREFIX = "REL_COMPONENT_"
MODEL = f"{PREFIX}MODEL"


@dataclass(frozen=True)
class ServiceSettings:
    """Limits and habits of the service.

    max_body (int): largest body of a request, in bytes.
    max_texts (int): most texts in one request.
    max_chars (int): most characters in one request, all texts together.
    max_entities (int): most entities of one text, given or found.
    max_scores (int): most scores in one answer where all scores are asked for.
    max_requests (int): most requests in progress; further ones are answered 503.
    max_queue (int): most texts that wait for the model; further ones are answered 429.
    batch_texts (int): most texts that the model gets at one time; 1 is no batching.
    batch_chars (int): most characters that the model gets at one time, unless a single
        text has more.
    batch_wait (float): seconds to wait for further texts before a batch begins.
    timeout (float): seconds within which a request is answered, or else with 503.
    body_timeout (float): seconds within which the body of a request has to arrive.
    api_key (Optional[str]): required of every request but those for the page, the
        API's description and the checks of health; None requires none.
    gpu (bool): load the model on the GPU; CUDA_VISIBLE_DEVICES says which.
    log_texts (bool): write the texts and what failed on them into the log.
    docs (bool): Swagger's page at /docs; a browser loads its scripts from a CDN.
    """

    max_body: int = 2_000_000
    max_texts: int = 128
    max_chars: int = 200_000
    max_entities: int = 500
    max_scores: int = 100_000
    max_requests: int = 512
    max_queue: int = 256
    batch_texts: int = 64
    batch_chars: int = 100_000
    batch_wait: float = 0.002
    timeout: float = 30.0
    body_timeout: float = 10.0
    api_key: Optional[str] = None
    gpu: bool = False
    log_texts: bool = False
    docs: bool = False

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if number and value <= 0 and field.name != "batch_wait":
                raise ValueError(f"{field.name} is {value}; expected more than 0.")
        if self.batch_wait < 0:
            raise ValueError(f"batch_wait is {self.batch_wait}; expected 0 or more.")
        if self.max_queue < self.max_texts:
            raise ValueError(
                f"max_queue is {self.max_queue} and max_texts is {self.max_texts}: a "
                f"request of that size could never wait. Raise max_queue."
            )
        if self.api_key == "":
            raise ValueError("api_key is empty; expected a key, or None for no key.")

    def to_environment(self) -> Dict[str, str]:
        """RETURNS (Dict[str, str]): variables of which `from_environment` makes equal
        settings, for worker processes."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            PREFIX + name.upper(): str(int(value) if value is True else value or 0)
            for name, value in values.items()
            if value is not None
        }

    @classmethod
    def from_environment(
        cls,
        environment: Optional[Mapping[str, str]] = None,
        overrides: Optional[Mapping[str, Any]] = None,
    ) -> "ServiceSettings":
        """ServiceSettings from variables such as REL_COMPONENT_MAX_BODY.

        environment (Optional[Mapping[str, str]]): None: that of the process.
        overrides (Optional[Mapping[str, Any]]): values that go first, unless None.
        RETURNS (ServiceSettings): what has no variable has its default.
        RAISES (ValueError): naming the variable that can't be read.
        """
        environment = os.environ if environment is None else environment
        values: Dict[str, Any] = {}
        for field in fields(cls):
            text = environment.get(PREFIX + field.name.upper())
            if text is not None:
                values[field.name] = _read(field.name, field.default, text)
        given = {k: v for k, v in (overrides or {}).items() if v is not None}
        return cls(**{**values, **given})


def _read(name: str, default: Any, text: str) -> Any:
    if isinstance(default, bool):
        known = {"0": False, "false": False, "1": True, "true": True}
        if text.lower() in known:
            return known[text.lower()]
        expected = "0 or 1"
    elif default is None:
        return text
    else:
        try:
            return type(default)(text)
        except ValueError:
            expected = "a whole number" if isinstance(default, int) else "a number"
    raise ValueError(f"{PREFIX}{name.upper()} is {text!r}; expected {expected}.")
