"""The graphs of libraries that ask a language model for them, on a pipeline of ours."""

import asyncio

import pytest
import spacy

TEXTS = ["Ann works for Acme.", "Nobody works.", "Bob works for Bolt, as Ann said."]


@pytest.fixture
def nlp():
    nlp = spacy.blank("en")
    names = {"Ann": "PERSON", "Bob": "PERSON", "Acme": "ORG", "Bolt": "ORG"}
    nlp.add_pipe("entity_ruler").add_patterns(
        [{"label": label, "pattern": name} for name, label in names.items()]
    )
    pattern = {"label": "WORKS_FOR", "head": "PERSON", "tail": "ORG"}
    nlp.add_pipe("relation_ruler").add_patterns([{**pattern, "between": "works for"}])
    return nlp


def test_neo4j_graphrag(nlp):
    pytest.importorskip("neo4j_graphrag")
    from neo4j_graphrag.components.types import TextChunk, TextChunks
    from neo4j_graphrag.experimental.pipeline import Pipeline

    from rel_component.integrations.neo4j_graphrag import RelationExtractor

    chunks = TextChunks(
        chunks=[TextChunk(text=text, index=i) for i, text in enumerate(TEXTS)]
    )

    def run(**options):
        pipeline = Pipeline()
        pipeline.add_component(RelationExtractor(nlp, **options), "extractor")
        done = asyncio.run(pipeline.run({"extractor": {"chunks": chunks}}))
        return done.result["extractor"]

    graph = run(create_lexical_graph=False)
    names = {node["id"]: node["properties"]["name"] for node in graph["nodes"]}
    assert list(names.values()) == ["Ann", "Acme", "Bob", "Bolt", "Ann"]
    assert [
        (names[x["start_node_id"]], x["type"], names[x["end_node_id"]])
        for x in graph["relationships"]
    ] == [
        ("Ann", "WORKS_FOR", "Acme"),
        ("Bob", "WORKS_FOR", "Bolt"),
    ]
    assert graph["relationships"][0]["properties"] == {"score": 1.0}
    whole = run()
    types = [x["type"] for x in whole["relationships"]]
    assert types.count("FROM_CHUNK") == 5 and types.count("WORKS_FOR") == 2
    assert sum(node["label"] == "Chunk" for node in whole["nodes"]) == 3


@pytest.mark.parametrize("name", ["neo4j_graphrag", "llama_index.core"])
def test_nested_entities_that_a_pipeline_finds_are_nodes(name):
    pytest.importorskip(name)
    nlp = spacy.blank("en")
    names = {"Bank of England": "ORG", "England": "LOC"}
    nlp.add_pipe("span_ruler", config={"spans_key": "sc"}).add_patterns(
        [{"label": label, "pattern": name} for name, label in names.items()]
    )
    pattern = {"label": "IN", "head": "PERSON", "tail": "LOC"}
    ruler = nlp.add_pipe("relation_ruler", config={"spans_key": "sc"})
    ruler.add_patterns([pattern])
    text = "The Bank of England ."
    if name == "neo4j_graphrag":
        from rel_component.integrations.neo4j_graphrag import RelationExtractor

        (row,) = RelationExtractor(nlp)._extract([text])
        assert [entity["text"] for entity in row["entities"]] == [*names]
        return
    from llama_index.core.graph_stores.types import KG_NODES_KEY
    from llama_index.core.schema import TextNode

    from rel_component.integrations.llama_index import RelationExtractor

    (node,) = RelationExtractor(nlp=nlp)([TextNode(text=text)])
    assert {x.name for x in node.metadata[KG_NODES_KEY]} == {*names}


def test_llama_index(nlp):
    pytest.importorskip("llama_index.core")
    from llama_index.core import MockEmbedding, PropertyGraphIndex
    from llama_index.core.llms import MockLLM
    from llama_index.core.schema import TextNode

    from rel_component.integrations.llama_index import RelationExtractor

    index = PropertyGraphIndex(
        nodes=[TextNode(text=text, metadata={"source": "x"}) for text in TEXTS],
        kg_extractors=[RelationExtractor(nlp=nlp)],
        llm=MockLLM(),
        embed_model=MockEmbedding(embed_dim=4),
        embed_kg_nodes=False,
    )
    triplets = index.property_graph_store.get_triplets(relation_names=["WORKS_FOR"])
    found = {(a.name, r.label, b.name, b.label) for a, r, b in triplets}
    assert found == {
        ("Ann", "WORKS_FOR", "Acme", "ORG"),
        ("Bob", "WORKS_FOR", "Bolt", "ORG"),
    }
    assert all(r.properties["score"] == 1.0 for _, r, _ in triplets)
