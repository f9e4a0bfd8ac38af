"""Extract graphs for neo4j-graphrag with spaCy instead of an LLM.

`RelationExtractor` replaces neo4j-graphrag's `LLMEntityRelationExtractor`. Requires the
extra `neo4j-graphrag`.
"""

import asyncio
from threading import Lock
from typing import Any, Dict, List, Optional, Tuple

from neo4j_graphrag.components.entity_relation_extractor import EntityRelationExtractor
from neo4j_graphrag.components.lexical_graph import LexicalGraphBuilder
from neo4j_graphrag.components.types import (
    DocumentInfo,
    LexicalGraphConfig,
    Neo4jGraph,
    Neo4jNode,
    Neo4jRelationship,
    TextChunks,
)
from spacy.language import Language

from ..inference.rows import list_entities, to_row
from ..pipe.loading import find_relation_pipes


class RelationExtractor(EntityRelationExtractor):
    """A neo4j-graphrag component that extracts entities and relations with spaCy.

    Each entity of a chunk becomes a node, with its type as label, and its name and
    offsets as properties. Use a resolver of neo4j-graphrag to merge nodes by name.

    nlp (Language): a pipeline that predicts entities and relations.
    create_lexical_graph (bool): whether to also create nodes for chunks.
    batch_size (int): number of chunks to process at once.
    """

    def __init__(
        self, nlp: Language, *, create_lexical_graph: bool = True, batch_size: int = 64
    ) -> None:
        super().__init__(create_lexical_graph=create_lexical_graph)
        self.nlp = nlp
        self.batch_size = batch_size
        self._lock = Lock()

    async def run(
        self,
        chunks: TextChunks,
        document_info: Optional[DocumentInfo] = None,
        lexical_graph_config: Optional[LexicalGraphConfig] = None,
        **kwargs: Any,
    ) -> Neo4jGraph:
        """Extract the entities and relations of chunks.

        chunks (TextChunks): the texts.
        document_info (Optional[DocumentInfo]): the document of the chunks.
        lexical_graph_config (Optional[LexicalGraphConfig]): labels of chunk nodes.
        RETURNS (Neo4jGraph): the graph of all chunks.
        """
        builder, graph = None, Neo4jGraph()
        if self.create_lexical_graph or lexical_graph_config:
            config = lexical_graph_config or LexicalGraphConfig()
            builder = LexicalGraphBuilder(config=config)
        if builder is not None and self.create_lexical_graph:
            lexical = await builder.run(text_chunks=chunks, document_info=document_info)
            graph = lexical.graph.model_copy(deep=True)
        texts = [chunk.text for chunk in chunks.chunks]
        # in a thread, so that the event loop is not blocked
        rows = await asyncio.to_thread(self._extract, texts)
        for row, chunk in zip(rows, chunks.chunks):
            found = self.update_ids(make_graph(row), chunk)
            if builder is not None:
                await builder.process_chunk_extracted_entities(found, chunk)
            graph.nodes.extend(found.nodes)
            graph.relationships.extend(found.relationships)
        return graph

    def _extract(self, texts: List[str]) -> List[Dict[str, Any]]:
        with self._lock:  # pipelines aren't thread-safe
            docs = list(self.nlp.pipe(texts, batch_size=self.batch_size))
        keys = find_relation_pipes(self.nlp).spans_keys
        return [to_row(doc, entities=list_entities(doc, keys)) for doc in docs]


def make_graph(row: Dict[str, Any]) -> Neo4jGraph:
    """Create the graph of a text.

    row (Dict[str, Any]): the output of `rel_component.inference.rows.to_row`.
    RETURNS (Neo4jGraph): the graph, with node ids numbered from 0.
    """
    numbers = {_get_key(entity): i for i, entity in enumerate(row["entities"])}
    return Neo4jGraph(
        nodes=[
            Neo4jNode(
                id=str(i),
                label=entity["label"],
                properties={
                    "name": entity["text"],
                    "start": entity["start"],
                    "end": entity["end"],
                },
            )
            for i, entity in enumerate(row["entities"])
        ],
        relationships=[
            Neo4jRelationship(
                start_node_id=str(numbers[_get_key(relation["head"])]),
                end_node_id=str(numbers[_get_key(relation["tail"])]),
                type=relation["label"],
                properties={"score": relation["score"]},
            )
            for relation in row["relations"]
        ],
    )


def _get_key(entity: Dict[str, Any]) -> Tuple[int, int, str]:
    return entity["start"], entity["end"], entity["label"]
