"""Requests and responses: what the service takes and what it answers."""

from typing import Annotated, Any, Dict, List, Optional, Tuple

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SkipValidation,
    Strict,
    TypeAdapter,
)
from typing_extensions import TypedDict

PREDICT_EXAMPLE: Dict[str, Any] = {
    "chunks": ["Директор завода Иван Петров сменил главу отдела."],
    "entities_list": [
        [[16, 27, "PERSON"], [0, 15, "PROFESSION"], [9, 15, "ORGANIZATION"]]
    ],
}
EXTRACT_EXAMPLE: Dict[str, Any] = {
    "documents": [
        {"text": "Wanted: 5+ years of experience in Python and a BSc in Physics."}
    ],
    "threshold": 0.5,
}


def _check_nul(text: str) -> str:
    at = text.find("\x00")
    if at >= 0:
        raise ValueError(f"text without NUL characters (one is at {at})")
    return text


Text = Annotated[str, AfterValidator(_check_nul)]
EntityType = Annotated[
    str, Field(min_length=1, max_length=200), AfterValidator(_check_nul)
]
Offset = Annotated[int, Field(ge=0)]
# nothing is converted in silence, and an unknown field is a mistake
STRICT = ConfigDict(strict=True, extra="forbid")
# a list in JSON; what is in it is not converted
GivenEntity = Annotated[Tuple[Offset, Offset, EntityType], Strict(False)]


class Request(BaseModel):
    model_config = STRICT


class PredictRequest(Request):
    """Texts, and perhaps their entities, as the Russian R-BERT service takes them."""

    model_config = ConfigDict(json_schema_extra={"examples": [PREDICT_EXAMPLE]})

    chunks: List[Text] = Field(min_length=1, description="The texts.")
    entities_list: Optional[List[SkipValidation[List[GivenEntity]]]] = Field(
        None,
        description=(
            "For each text its entities: first character, character after the last, "
            "type. They may nest and overlap. Without this field, or with null, the "
            "entities are found."
        ),
    )


class Entity(TypedDict):
    """A given entity; one that ends inside a token counts for the whole token."""

    __pydantic_config__ = STRICT  # type: ignore[misc]

    start: Annotated[Offset, Field(description="First character.")]
    end: Annotated[Offset, Field(description="Character after the last.")]
    label: EntityType


# of entities the first problem is told: there may be very many. They are validated text
# by text, so that those of one request don't keep the others waiting
GIVEN_ENTITIES = TypeAdapter(
    Annotated[List[GivenEntity], Field(fail_fast=True)], config=ConfigDict(strict=True)
)
ENTITIES = TypeAdapter(
    Annotated[List[Entity], Field(fail_fast=True)], config=ConfigDict(strict=True)
)


class Document(Request):
    """A text, and perhaps its entities."""

    text: Text
    entities: SkipValidation[Optional[List[Entity]]] = Field(
        None, description="Without them, or with null, they are found."
    )
    id: Optional[Annotated[str, Field(max_length=200)]] = Field(
        None, description="Comes back with the answer."
    )


Probability = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class ExtractRequest(Request):
    """Documents, and what is wanted of them."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXTRACT_EXAMPLE]})

    documents: List[Document] = Field(min_length=1)
    threshold: Optional[Probability] = Field(
        None, description="Relations from this score on; null: the model's threshold."
    )
    labels: Optional[Annotated[List[str], Field(fail_fast=True)]] = Field(
        None, description="Only relations with these labels; null: all."
    )
    all_scores: bool = Field(
        False, description="Also the scores of all pairs that were not decided on."
    )
    min_score: Probability = Field(
        0.0, description="With all_scores: only scores that are as high as this."
    )


class PredictedRelation(BaseModel):
    """A relation as the R-BERT service for Russian gives it."""

    source_entity: str = Field(description="The text of the head.")
    target_entity: str = Field(description="The text of the tail.")
    relationship_type: str
    relationship_description: Optional[str] = Field(
        None, description="Always null: nothing is described in words."
    )
    relationship_strength: Probability = Field(description="The model's score.")
    chunk_id: int = Field(description="Number of the text in chunks, from 0.")


class FoundEntity(BaseModel):
    start: int = Field(description="First character.")
    end: int = Field(description="Character after the last.")
    label: str
    text: str


class FoundRelation(BaseModel):
    label: str
    score: Probability
    head: FoundEntity
    tail: FoundEntity


class Score(BaseModel):
    head: int = Field(description="Number of the head among the entities, from 0.")
    tail: int
    label: str
    score: Probability


class FoundDocument(BaseModel):
    id: Optional[str] = None
    text: str
    entities: List[FoundEntity]
    relations: List[FoundRelation]
    scores: Optional[List[Score]] = Field(
        None, description="With all_scores, the highest first."
    )


class ExtractResponse(BaseModel):
    documents: List[FoundDocument]


class ModelInfo(BaseModel):
    name: str
    lang: str
    pipeline: List[str]
    labels: List[str] = Field(description="Of relations.")
    knows_labels: bool = Field(
        description="Whether there are no others: a component may not name its own."
    )
    entity_types: List[str] = Field(
        description="That the model finds; empty if entities have to be given."
    )
    known_types: List[str] = Field(
        description="Of entities: also those that it was trained with."
    )
    finds_entities: bool
    symmetric: List[str] = Field(description="Labels whose direction does not count.")
    model_schema: Optional[Dict[str, Any]] = Field(
        None,
        alias="schema",
        description="For each label the types it may link; null: any.",
    )
    threshold: float
    thresholds: Dict[str, float] = Field(
        {}, description="Of labels that have one of their own."
    )
    single_label: bool = Field(description="Only the best label of a pair counts.")
    versions: Dict[str, str]
    limits: Dict[str, float]


class Status(BaseModel):
    status: str


class ProblemItem(BaseModel):
    where: str
    found: str
    expected: str


class ErrorResponse(BaseModel):
    detail: str = Field(
        description="What was found, what was expected, how to go on; for people."
    )
    problems: List[ProblemItem] = Field(description="Each field that is wrong.")
    request_id: str
