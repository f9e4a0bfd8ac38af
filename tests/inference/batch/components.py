"""Components that fail as models do; loaded by the workers with `--code`."""

import os
import signal
import time

from spacy.language import Language


class Killed(BaseException):
    """Ends whatever runs, as SIGKILL to all processes would: nobody handles it."""


@Language.component("poison")
def poison(doc):
    """Dies, fails or never ends at certain words."""
    if "SEGFAULT" in doc.text:
        os.kill(os.getpid(), signal.SIGSEGV)
        # a handler, as Ray has one, may let other threads go on; the one that crashed
        # does not
        time.sleep(60)
    if "SLEEPS" in doc.text:
        time.sleep(600)
    if "TAKES ALL" in doc.text:
        raise Killed
    if "RAISE" in doc.text:
        raise RuntimeError("the model can't do this")
    return doc
