"""The previous path of `rel_component.pipe.spacy_llm`."""

from ..pipe.spacy_llm import LLMRelations, make_llm_relations

__all__ = ["LLMRelations", "make_llm_relations"]
