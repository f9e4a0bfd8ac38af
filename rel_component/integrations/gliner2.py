"""The previous path of `rel_component.pipe.gliner2`."""

from ..pipe.gliner2 import GLiNER2Pipe, load_checkpoint, make_gliner2

__all__ = ["GLiNER2Pipe", "load_checkpoint", "make_gliner2"]
