from typing import get_args, get_type_hints, is_typeddict

from rel_component.inference.batch.rows import VERSION, Row

# by version; those of a released version never change
FIELDS = {
    1: {
        "id": str,
        "source": str,
        "row": int,
        "text": str,
        "meta": str,
        "entities": {"start": int, "end": int, "label": str, "text": str},
        "relations": {
            "label": str,
            "score": float,
            "head": {"start": int, "end": int, "label": str, "text": str},
            "tail": {"start": int, "end": int, "label": str, "text": str},
            "sentence": {"start": int, "end": int},
        },
    }
}


def list_fields(columns):
    hints = get_type_hints(columns).items()
    inner = {name: (get_args(hint) or (hint,))[0] for name, hint in hints}
    return {
        name: list_fields(hint) if is_typeddict(hint) else hint
        for name, hint in inner.items()
    }


def test_other_fields_are_another_version():
    """Add the new fields to FIELDS, under a higher VERSION."""
    assert FIELDS[VERSION] == list_fields(Row)
