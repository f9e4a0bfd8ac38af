"""Settings of the service, from options or environment variables."""

from typing import Annotated, Any, Optional

from pydantic import (
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "REL_COMPONENT_"
# expected values for pydantic's error types
EXPECTED = {
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_parsing": "a number",
    "bool_parsing": "0 or 1",
    "finite_number": "a finite number",
}


class ServiceSettings(BaseSettings):
    """Settings of the service. Those not given are read from environment variables such
    as REL_COMPONENT_MAX_BODY.

    max_body (int): maximum size of a request body, in bytes.
    max_texts (int): maximum texts per request.
    max_chars (int): maximum characters per request, over all texts.
    max_tokens (int): maximum tokens per text, which limits the model's run time.
    max_entities (int): maximum entities per text, given or predicted.
    max_scores (int): maximum relations, and maximum scores, per response.
    max_requests (int): maximum requests in progress; others are answered with 503.
    max_queue (int): maximum texts waiting for the model; others are answered with 429.
    max_connections (int): maximum open connections; a new one replaces the longest
        idle one.
    workers (int): number of processes with a copy of the model.
    batch_texts (int): maximum texts per batch; 1 to disable batching.
    batch_chars (int): maximum characters per batch, unless a single text is longer.
    batch_wait (float): seconds to wait for more texts before starting a batch.
    timeout (float): seconds before a request is answered with 503; a model that takes
        longer for a batch is restarted.
    header_timeout (float): maximum seconds to receive the headers of a request.
    body_timeout (float): maximum seconds to receive the body of a request.
    shutdown_timeout (float): maximum seconds to finish requests on shutdown.
    api_key (Optional[str]): key required for all requests except for the demo page, the
        API's description and health checks; None for no key.
    gpu (bool): load the model on the GPU; use CUDA_VISIBLE_DEVICES to select it.
    log_texts (bool): also log texts and error messages.
    docs (bool): serve Swagger UI at /docs, with scripts from a CDN.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="ignore", allow_inf_nan=False
    )

    max_body: PositiveInt = 2_000_000
    max_texts: PositiveInt = 128
    max_chars: PositiveInt = 200_000
    max_tokens: PositiveInt = 20_000
    max_entities: PositiveInt = 500
    max_scores: PositiveInt = 100_000
    max_requests: PositiveInt = 512
    max_queue: PositiveInt = 256
    max_connections: PositiveInt = 1_000
    workers: PositiveInt = 1
    batch_texts: PositiveInt = 64
    batch_chars: PositiveInt = 100_000
    batch_wait: NonNegativeFloat = 0.002
    timeout: PositiveFloat = 30.0
    header_timeout: PositiveFloat = 10.0
    body_timeout: PositiveFloat = 10.0
    shutdown_timeout: PositiveFloat = 8.0
    api_key: Optional[Annotated[str, Field(min_length=1)]] = None
    gpu: bool = False
    log_texts: bool = False
    docs: bool = False

    @model_validator(mode="after")
    def _check_queue(self) -> "ServiceSettings":
        if self.max_queue < self.max_texts:
            raise ValueError(
                f"max_queue is {self.max_queue} and max_texts is {self.max_texts}, so "
                f"the largest requests would always be rejected. Raise max_queue."
            )
        return self


def load_settings(**given: Any) -> ServiceSettings:
    """Create settings from options and environment variables.

    **given (Any): options, which take precedence over variables; None if not given.
    RETURNS (ServiceSettings): the settings; defaults are used for all others.
    RAISES (ValueError): if an option or variable is invalid.
    """
    given = {name: value for name, value in given.items() if value is not None}
    try:
        return ServiceSettings(**given)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
    if not problem["loc"]:
        raise ValueError(problem["msg"].removeprefix("Value error, "))
    name = str(problem["loc"][0]).lower()
    shown = name if name in given else PREFIX + name.upper()
    expected = EXPECTED.get(problem["type"]) or _describe(problem)
    found = problem["input"]
    raise ValueError(f"{shown} is {found!r}; expected {expected}.")


def _describe(problem: Any) -> str:
    limits = problem.get("ctx") or {}
    if "gt" in limits:
        return f"more than {limits['gt']:g}"
    if "ge" in limits:
        return f"{limits['ge']:g} or more"
    if problem["type"] == "string_too_short":
        return "a key; unset the variable for no key"
    return problem["msg"]
