"""Extract property graphs for LlamaIndex with spaCy instead of an LLM.

Add `RelationExtractor` to the `kg_extractors` of a `PropertyGraphIndex`. Requires the
extra `llama-index`.
"""

from typing import Any, Dict, List, Sequence

from llama_index.core.graph_stores.types import (
    KG_NODES_KEY,
    KG_RELATIONS_KEY,
    EntityNode,
    Relation,
)
from llama_index.core.schema import BaseNode, MetadataMode, TransformComponent
from tqdm import tqdm

from ..inference.rows import list_entities, to_row
from ..pipe.loading import find_relation_pipes


class RelationExtractor(TransformComponent):
    """Extracts entities and relations with spaCy.

    nlp (Language): a pipeline that predicts entities and relations.
    batch_size (int): number of nodes to process at once.
    """

    # a Language, which pydantic can't validate
    nlp: Any
    batch_size: int = 64

    @classmethod
    def class_name(cls) -> str:
        """RETURNS (str): the component's name in LlamaIndex."""
        return "RelComponentExtractor"

    def __call__(
        self, nodes: Sequence[BaseNode], show_progress: bool = False, **kwargs: Any
    ) -> Sequence[BaseNode]:
        """Extract the entities and relations of nodes.

        nodes (Sequence[BaseNode]): the nodes, modified in place.
        show_progress (bool): show a progress bar.
        RETURNS (Sequence[BaseNode]): the nodes, with entities and relations added to
            their metadata.
        """
        texts = (node.get_content(metadata_mode=MetadataMode.NONE) for node in nodes)
        docs = self.nlp.pipe(texts, batch_size=self.batch_size)
        keys = find_relation_pipes(self.nlp).spans_keys
        pairs = zip(nodes, docs)
        for node, doc in tqdm(
            pairs, desc="Relations", total=len(nodes), disable=not show_progress
        ):
            add_graph(node, to_row(doc, entities=list_entities(doc, keys)))
        return nodes


def add_graph(node: BaseNode, row: Dict[str, Any]) -> None:
    """Add entities and relations to the metadata of a node.

    node (BaseNode): the node; its other metadata become properties.
    row (Dict[str, Any]): the output of `rel_component.inference.rows.to_row`.
    """
    found: List[EntityNode] = node.metadata.pop(KG_NODES_KEY, [])
    relations: List[Relation] = node.metadata.pop(KG_RELATIONS_KEY, [])
    properties = dict(node.metadata)
    names = {
        (entity["text"], entity["label"]): EntityNode(
            name=entity["text"], label=entity["label"], properties=dict(properties)
        )
        for entity in row["entities"]
    }
    for relation in row["relations"]:
        head, tail = (
            names[relation[end]["text"], relation[end]["label"]]
            for end in ("head", "tail")
        )
        relations.append(
            Relation(
                label=relation["label"],
                source_id=head.id,
                target_id=tail.id,
                properties={**properties, "score": relation["score"]},
            )
        )
    node.metadata[KG_NODES_KEY] = [*found, *names.values()]
    node.metadata[KG_RELATIONS_KEY] = relations
