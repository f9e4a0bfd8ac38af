"""What an operator of the service may set, by options or by variables."""

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
# where the app of a factory finds its pipeline
MODEL = f"{PREFIX}MODEL"
# pydantic's names of errors in our words
EXPECTED = {
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_parsing": "a number",
    "bool_parsing": "0 or 1",
    "finite_number": "a finite number",
}


class ServiceSettings(BaseSettings):
    """Limits and habits of the service. What is not given is read from variables of the
    environment such as REL_COMPONENT_MAX_BODY.

    max_body (int): largest body of a request, in bytes.
    max_texts (int): most texts in one request.
    max_chars (int): most characters in one request, all texts together.
    max_tokens (int): most tokens of one text; it bounds the time that the model needs.
    max_entities (int): most entities of one text, given or found.
    max_scores (int): most relations, and most scores, in one answer.
    max_requests (int): most requests in progress; further ones are answered 503.
    max_queue (int): most texts that wait for the model; further ones are answered 429.
    max_connections (int): most open connections. A further one takes the place of the
        one that has been silent longest.
    workers (int): processes that each have the model.
    batch_texts (int): most texts that the model gets at one time; 1 is no batching.
    batch_chars (int): most characters that the model gets at one time, unless a single
        text has more.
    batch_wait (float): seconds to wait for further texts before a batch begins.
    timeout (float): seconds within which a request is answered, or else with 503; a
        model that works longer on a batch is ended and loaded anew.
    header_timeout (float): seconds within which the head of a request has to arrive.
    body_timeout (float): seconds within which the body of a request has to arrive.
    shutdown_timeout (float): seconds for the requests in progress when the service is
        told to end.
    api_key (Optional[str]): required of every request but those for the page, the
        API's description and the checks of health; None requires none.
    gpu (bool): load the model on the GPU; CUDA_VISIBLE_DEVICES says which.
    log_texts (bool): write the texts and what failed on them into the log.
    docs (bool): Swagger's page at /docs; a browser loads its scripts from a CDN.
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
                f"max_queue is {self.max_queue} and max_texts is {self.max_texts}: a "
                f"request of that size could never wait. Raise max_queue."
            )
        return self


def load_settings(**given: Any) -> ServiceSettings:
    """Make settings of options and variables.

    **given (Any): options, which go before variables; None for those not given.
    RETURNS (ServiceSettings): what has neither option nor variable has its default.
    RAISES (ValueError): naming the option or variable that can't be read.
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
        return "a key, or no such variable for no key"
    return problem["msg"]
