"""Request and response models."""

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
# no implicit conversion, and unknown fields are errors
STRICT = ConfigDict(strict=True, extra="forbid")
# a list in JSON; its items are still strict
GivenEntity = Annotated[Tuple[Offset, Offset, EntityType], Strict(False)]


class Request(BaseModel):
    model_config = STRICT


class PredictRequest(Request):
    """Texts, optionally with entities, in the format of the Russian R-BERT service."""

    model_config = ConfigDict(json_schema_extra={"examples": [PREDICT_EXAMPLE]})

    chunks: List[Text] = Field(min_length=1, description="The texts.")
    entities_list: Optional[List[SkipValidation[List[GivenEntity]]]] = Field(
        None,
        description=(
            "Entities of each text, as [start, end, type], with start and exclusive "
            "end in characters. They may be nested or overlap. Predicted if missing "
            "or null."
        ),
    )


class Entity(TypedDict):
    """An entity; if it ends inside a token, it's extended to the whole token."""

    __pydantic_config__ = STRICT  # type: ignore[misc]

    start: Annotated[Offset, Field(description="Start in characters.")]
    end: Annotated[Offset, Field(description="Exclusive end in characters.")]
    label: EntityType


# only the first problem with entities is reported, since there may be very many. They
# are validated text by text, so that large requests don't delay the others
GIVEN_ENTITIES = TypeAdapter(
    Annotated[List[GivenEntity], Field(fail_fast=True)], config=ConfigDict(strict=True)
)
ENTITIES = TypeAdapter(
    Annotated[List[Entity], Field(fail_fast=True)], config=ConfigDict(strict=True)
)


class Document(Request):
    """A text, optionally with entities."""

    text: Text
    entities: SkipValidation[Optional[List[Entity]]] = Field(
        None, description="Predicted if missing or null."
    )
    id: Optional[Annotated[str, Field(max_length=200)]] = Field(
        None, description="Returned in the response."
    )


Probability = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class ExtractRequest(Request):
    """Documents and options."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXTRACT_EXAMPLE]})

    documents: List[Document] = Field(min_length=1)
    threshold: Optional[Probability] = Field(
        None, description="Minimum score of relations; null for the model's threshold."
    )
    labels: Optional[Annotated[List[str], Field(fail_fast=True)]] = Field(
        None, description="Relation labels to return; null for all."
    )
    all_scores: bool = Field(
        False, description="Also return the scores of all pairs and labels."
    )
    min_score: Probability = Field(
        0.0, description="Minimum score to return with all_scores."
    )


class PredictedRelation(BaseModel):
    """A relation in the format of the Russian R-BERT service."""

    source_entity: str = Field(description="Text of the head.")
    target_entity: str = Field(description="Text of the tail.")
    relationship_type: str
    relationship_description: Optional[str] = Field(
        None, description="Always null, for compatibility."
    )
    relationship_strength: Probability = Field(description="Score of the relation.")
    chunk_id: int = Field(description="Index of the text in chunks, from 0.")


class FoundEntity(BaseModel):
    start: int = Field(description="Start in characters.")
    end: int = Field(description="Exclusive end in characters.")
    label: str
    text: str


class FoundRelation(BaseModel):
    label: str
    score: Probability
    head: FoundEntity
    tail: FoundEntity


class Score(BaseModel):
    head: int = Field(description="Index of the head in entities, from 0.")
    tail: int
    label: str
    score: Probability


class FoundDocument(BaseModel):
    id: Optional[str] = None
    text: str
    entities: List[FoundEntity]
    relations: List[FoundRelation]
    scores: Optional[List[Score]] = Field(
        None, description="With all_scores, sorted from high to low."
    )
    unknown_types: List[str] = Field(
        [],
        description=(
            "Types of given entities that the relation extractor doesn't know, see "
            "known_types of GET /model: it misses their relations or gives them "
            "other scores."
        ),
    )


class ExtractResponse(BaseModel):
    documents: List[FoundDocument]


class ModelInfo(BaseModel):
    name: str
    lang: str
    pipeline: List[str]
    labels: List[str] = Field(description="Relation labels.")
    knows_labels: bool = Field(
        description="Whether labels is complete: some components don't list theirs."
    )
    entity_types: List[str] = Field(
        description="Predicted entity types; empty if entities must be given."
    )
    known_types: List[str] = Field(
        description="Predicted entity types and those seen in training."
    )
    finds_entities: bool
    symmetric: List[str] = Field(description="Labels of symmetric relations.")
    model_schema: Optional[Dict[str, Any]] = Field(
        None,
        alias="schema",
        description="Allowed entity types of each label; null for any.",
    )
    threshold: float
    thresholds: Dict[str, float] = Field(
        {}, description="Thresholds per label, if different."
    )
    single_label: bool = Field(description="Whether pairs only get their best label.")
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
        description="Human-readable: what was found and expected, and how to fix it."
    )
    problems: List[ProblemItem] = Field(description="The invalid fields.")
    request_id: str
