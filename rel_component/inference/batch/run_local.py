"""Process chunks on one machine, with worker processes that may crash."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Deque, Generator, Iterator, List, Optional

from ...files import explain
from ...wording import plural
from .extractor import Counts, RunError, make_extractor
from .folder import OutputFolder
from .plan import Chunk
from .settings import ExtractSettings

READY, DONE, FAILED = "ready", "done", "failed"
# consecutive processes that may die before the model is loaded
MAX_STILLBORN = 3
THREADS = "OMP_NUM_THREADS"
FORKS = "forkserver"


def run_local(
    chunks: Iterator[Chunk], settings: ExtractSettings, folder: Path, n_process: int
) -> Generator[Counts, None, None]:
    """Extract chunks with processes on this machine.

    A worker that crashes or is killed is replaced, and its chunk is processed again.

    chunks (Iterator[Chunk]): the chunks.
    settings (ExtractSettings): the run's settings.
    folder (Path): the output folder.
    n_process (int): number of workers.
    YIELDS (Dict[str, Any]): the counts of each finished chunk.
    RAISES (RunError): if the run can't continue.
    """
    again: Deque[Chunk] = deque()
    context = _get_context(n_process)
    workers = [_Worker(context, settings, folder) for _ in range(n_process)]
    n_stillborn = 0
    try:
        while True:
            for worker in workers:
                if worker.is_ready and worker.chunk is None:
                    worker.give(again.popleft() if again else next(chunks, None))
            if all(worker.is_ready and worker.chunk is None for worker in workers):
                return
            for worker in _wait(workers):
                kind, value = worker.receive()
                if kind == FAILED:
                    raise RunError(value)
                if kind == DONE:
                    yield value
                if kind is not None:
                    n_stillborn = 0
                    continue
                n_stillborn += not worker.is_ready
                if n_stillborn == MAX_STILLBORN:
                    raise RunError(
                        f"A process died while loading the model, {n_stillborn} times "
                        f"(exit code {worker.process.exitcode}). Is there enough "
                        f"memory for {plural(n_process, 'process', 'processes')}? A "
                        "script of your own must call extract_corpus under "
                        '`if __name__ == "__main__":`.'
                    )
                if worker.chunk is not None:
                    again.append(worker.chunk)
                workers[workers.index(worker)] = _Worker(context, settings, folder)
    finally:
        for worker in workers:
            if worker.stop() and worker.chunk is not None:
                OutputFolder(folder).clear_attempt(worker.chunk.number)


class _Worker:
    """A process and its current chunk."""

    def __init__(self, context: Any, settings: ExtractSettings, folder: Path) -> None:
        self.connection, theirs = context.Pipe()
        self.process = context.Process(
            target=_work, args=(settings, folder, theirs), daemon=True
        )
        self.process.start()
        theirs.close()
        self.is_ready = False
        self.chunk: Optional[Chunk] = None

    def give(self, chunk: Optional[Chunk]) -> None:
        self.chunk = chunk
        if chunk is not None:
            try:
                self.connection.send(chunk)
            except OSError:
                pass  # it has died, which receive() will detect

    def receive(self) -> Any:
        """RETURNS (Tuple[Optional[str], Any]): kind and value of a message; None: the
        process has died."""
        try:
            kind, value = self.connection.recv()
        except (EOFError, OSError):
            self.process.join()
            self.connection.close()
            return None, None
        self.is_ready = True
        if kind != READY:
            self.chunk = None
        return kind, value

    def stop(self) -> bool:
        """Kill the process. RETURNS (bool): whether it was alive."""
        is_alive = self.process.is_alive()
        if is_alive:
            self.process.kill()
        self.process.join()
        self.connection.close()
        return is_alive


def _get_context(n_process: int) -> Any:
    """RETURNS (Any): multiprocessing context that forks from a server process with the
    imports but without threads or data; on Windows, it spawns processes."""
    # by default each process would use all cores
    os.environ.setdefault(THREADS, str(max(1, (os.cpu_count() or 1) // n_process)))
    if FORKS not in multiprocessing.get_all_start_methods():  # Windows
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context(FORKS)
    context.set_forkserver_preload(["rel_component.inference.batch._preload"])
    return context


def _wait(workers: List[_Worker]) -> List[_Worker]:
    # the pipe of a dead worker closes after its last message
    ready = wait([worker.connection for worker in workers])
    return [worker for worker in workers if worker.connection in ready]


def _work(settings: ExtractSettings, folder: Path, connection: Connection) -> None:
    # Ctrl+C stops the first process, which then stops the others
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    try:
        extractor = make_extractor(settings, folder)
        connection.send((READY, None))
        while True:
            connection.send((DONE, extractor.extract(connection.recv())))
    except EOFError:
        return
    except (OSError, ValueError) as error:
        connection.send((FAILED, explain(error)))
    except Exception as error:  # a mistake of ours, with which it would never end
        connection.send((FAILED, f"{type(error).__name__}: {error}"))


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
