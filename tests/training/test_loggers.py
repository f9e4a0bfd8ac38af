import io

import pytest
import spacy

from rel_component.training.loggers import create_tensorboard_logger

STEP = {
    "step": 200,
    "score": 0.5,
    "losses": {"ner": 3.25},
    "other_scores": {"ents_f": 0.75, "ents_per_type": {}, "rel_macro_f": None},
}


def test_losses_and_scores_are_written_for_tensorboard(tmp_path):
    pytest.importorskip("tensorboardX")
    from tensorboardX.proto.event_pb2 import Event

    logger = create_tensorboard_logger(tmp_path)
    log_step, finalize = logger(spacy.blank("en"), io.StringIO(), io.StringIO())
    log_step(None)
    log_step(STEP)
    finalize()
    (path,) = tmp_path.iterdir()
    data, values = path.read_bytes(), {}
    while data:  # records of length, checksum, event, checksum
        length = int.from_bytes(data[:8], "little")
        event = Event.FromString(data[12 : 12 + length])
        values.update(
            (v.tag, (v.simple_value, event.step)) for v in event.summary.value
        )
        data = data[16 + length :]
    assert values == {
        "loss/ner": (3.25, 200),
        "score/ents_f": (0.75, 200),
        "score": (0.5, 200),
    }
