"""A disk that is full as long as there is a file `full` beside this one."""

import errno
import os
from pathlib import Path

from rel_component import files

FLAG = Path(__file__).with_name("full")
really_sync = os.fsync


class _FullDisk:
    """os, but for writing through to the disk."""

    def __getattr__(self, name):
        return getattr(os, name)

    def fsync(self, handle):
        if FLAG.exists():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        really_sync(handle)


files.os = _FullDisk()
