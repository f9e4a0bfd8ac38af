"""The graph of a text for LlamaIndex, without a language model.

Give `RelationExtractor` to a `PropertyGraphIndex` as one of its `kg_extractors`. Needs
the extra `llama-index`.
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

from ..inference.rows import to_row


class RelationExtractor(TransformComponent):
    """Entities and relations by spaCy.

    nlp (Language): a pipeline that finds entities and relations.
    batch_size (int): nodes that are processed at once.
    """

    # a Language, which pydantic doesn't know
    nlp: Any
    batch_size: int = 64

    @classmethod
    def class_name(cls) -> str:
        """RETURNS (str): the name under which LlamaIndex saves the component."""
        return "RelComponentExtractor"

    def __call__(
        self, nodes: Sequence[BaseNode], show_progress: bool = False, **kwargs: Any
    ) -> Sequence[BaseNode]:
        """Find the entities and relations of nodes.

        nodes (Sequence[BaseNode]): with texts.
        show_progress (bool): show a progress bar.
        RETURNS (Sequence[BaseNode]): the same, with entities and relations in their
            metadata, beside those that are there.
        """
        texts = (node.get_content(metadata_mode=MetadataMode.NONE) for node in nodes)
        docs = self.nlp.pipe(texts, batch_size=self.batch_size)
        pairs = zip(nodes, docs)
        for node, doc in tqdm(
            pairs, desc="Relations", total=len(nodes), disable=not show_progress
        ):
            add_graph(node, to_row(doc))
        return nodes


def add_graph(node: BaseNode, row: Dict[str, Any]) -> None:
    """Add what was found in a text to its node.

    node (BaseNode): the node; its metadata become properties.
    row (Dict[str, Any]): see `rel_component.inference.rows.to_row`.
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
