"""Load transformer checkpoints, with clear error messages."""

from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

import typer
from thinc.api import Model

from ...wording import get_command

SIZES = "see docs/checkpoints.md for names and sizes"
FOLDER = (
    "expected the output folder of transformers' save_pretrained (config.json, "
    "weights such as model.safetensors, and the tokenizer's files)"
)
FILES = {
    "weights": ("model*.safetensors*", "pytorch_model*.bin*"),
    "tokenizer": ("tokenizer*", "vocab*", "*.model", "spiece*"),
}
LUKE = "luke"


class ShownError(typer.BadParameter):
    """An error for which Typer's commands, such as `spacy train`, only print the
    message, without traceback or usage."""

    exit_code = 1

    @property
    def ctx(self) -> None:
        """RETURNS (None): no context, so that the usage is not printed."""

    @ctx.setter
    def ctx(self, value: Any) -> None:
        pass

    def format_message(self) -> str:
        return self.message


class CheckpointError(ShownError, ValueError):
    """The checkpoint can't be used; a ValueError."""


class OutOfMemoryError(ShownError, MemoryError):
    """Not enough memory for a transformer; a MemoryError."""


def load_checkpoint(
    name: str,
    tokenizer_config: Dict[str, Any],
    transformer_config: Dict[str, Any],
    *,
    model_type: Optional[str] = None,
    model_cls: Any = None,
) -> Any:
    """Load a checkpoint, downloading it if it's not in the cache.

    name (str): Hugging Face name or local folder.
    tokenizer_config, transformer_config (Dict[str, Any]): as for
        spacy-transformers.TransformerModel.v3.
    model_type (Optional[str]): required type in its config.json; None: any encoder with
        a fast tokenizer.
    model_cls (Any): transformers' class to load; None: `AutoModel`.
    RETURNS (HFObjects): tokenizer and transformer, on Thinc's default device.
    RAISES (CheckpointError): if it can't be loaded or used.
    RAISES (OutOfMemoryError): if memory is insufficient.
    """
    config = load_config(name, transformer_config)
    check_config(name, config, model_type)
    check_files(name)
    from spacy_transformers.layers.transformer_model import huggingface_from_pretrained
    from transformers import AutoModel

    with explain(name):
        found = huggingface_from_pretrained(
            name,
            dict(tokenizer_config),
            dict(transformer_config),
            model_cls=model_cls or AutoModel,
        )
    wants_fast = model_type is None and tokenizer_config.get("use_fast", True)
    check_tokenizer(name, found.tokenizer, wants_fast)
    return found


def load_config(name: str, transformer_config: Dict[str, Any]) -> Any:
    """RETURNS (PretrainedConfig): the config of a checkpoint.

    RAISES (CheckpointError): if it can't be loaded.
    """
    require_libraries()
    from transformers import AutoConfig

    check_name(name)
    with explain(name):
        return AutoConfig.from_pretrained(name, **transformer_config)


def require_libraries() -> None:
    """RAISES (CheckpointError): if a required package is not installed."""
    for module in ("torch", "transformers", "spacy_transformers"):
        try:
            __import__(module)
        except ImportError as error:
            raise CheckpointError(
                f"Transformers require {module.replace('_', '-')}, which can't be "
                f"imported ({error}); install it with {get_command('trf')}, or train "
                "a pipeline without a transformer, such as configs/rel_tok2vec.cfg."
            ) from None


def check_name(name: str) -> None:
    """RAISES (CheckpointError): if a name is obviously wrong."""
    path = Path(name)
    if path.is_dir() and not (path / "config.json").is_file():
        raise _no_file(path, "config.json")
    if path.is_file():
        raise CheckpointError(f"{name} is a file; {FOLDER}.")
    is_path = path.is_absolute() or name.startswith((".", "~")) or "\\" in name
    if not path.exists() and (is_path or len(path.parts) > 2):
        raise CheckpointError(
            f"The folder {name} doesn't exist; {FOLDER}, or a name on the Hugging "
            f"Face hub, such as roberta-base ({SIZES})."
        )


def check_files(name: str) -> None:
    """RAISES (CheckpointError): if a folder lacks weights or tokenizer."""
    path = Path(name)
    for kind, patterns in FILES.items():
        if path.is_dir() and not any(any(path.glob(x)) for x in patterns):
            raise _no_file(path, kind)


def _no_file(path: Path, what: str) -> CheckpointError:
    files = sorted(file.name for file in path.iterdir())[:8]
    return CheckpointError(
        f"The folder {path} has no {what} (found: {', '.join(files) or 'nothing'}); "
        f"{FOLDER}."
    )


def check_config(name: str, config: Any, model_type: Optional[str]) -> None:
    """RAISES (CheckpointError): if an architecture is not supported."""
    found = f"{name} is a checkpoint of type {config.model_type!r}"
    if model_type is not None and config.model_type != model_type:
        raise CheckpointError(
            f"{found}; expected {model_type!r}, such as studio-ousia/luke-base or "
            f"studio-ousia/mluke-base. For others, use configs/rel_trf.cfg."
        )
    if model_type is None and config.model_type == LUKE:
        raise CheckpointError(
            f"{found}, which takes entities as input and has no fast tokenizer; "
            "expected one such as roberta-base. For LUKE, use configs/rel_luke.cfg."
        )
    if getattr(config, "is_encoder_decoder", False):
        raise CheckpointError(
            f"{found}, an encoder-decoder; expected an encoder, such as "
            f"roberta-base ({SIZES})."
        )
    if not isinstance(getattr(config, "hidden_size", None), int):
        raise CheckpointError(
            f"{found} without hidden_size in its config.json; expected a text encoder, "
            f"such as roberta-base ({SIZES})."
        )


def check_tokenizer(name: str, tokenizer: Any, wants_fast: bool) -> None:
    """RAISES (CheckpointError): if a tokenizer is not supported."""
    found = f"{name} has a {type(tokenizer).__name__}"
    if wants_fast and not tokenizer.is_fast:
        raise CheckpointError(
            f"{found}, which is not a fast tokenizer: it doesn't provide the offsets "
            f"of word pieces. Use a checkpoint with tokenizer.json ({SIZES}), "
            f'or set tokenizer_config = {{"use_fast": false}} to estimate them.'
        )
    if tokenizer.pad_token_id is None:
        raise CheckpointError(
            f"{found} without a padding token, like text generation models; expected "
            f"an encoder, such as roberta-base ({SIZES})."
        )


def load_at_init(model: Model) -> Model:
    """Let a transformer of spacy-transformers use `load_checkpoint` and raise clear
    memory errors.

    model (Model): the output of create_TransformerModel_v3.
    RETURNS (Model): the model.
    """
    model.init = partial(_init, model.init)
    return explain_memory_of(model)


def _init(original: Callable, model: Model, X: Any = None, Y: Any = None) -> None:
    if not model.attrs["has_transformer"]:
        name = model.attrs["name"]
        shim: Any = model.layers[0].shims[0]
        hf_model = shim._hfmodel
        found = load_checkpoint(
            name, hf_model._init_tokenizer_config, hf_model._init_transformer_config
        )
        model.attrs["set_transformer"](model, found)
        if X:
            with explain(name):
                model.predict(X[:1])
    original(model, X=X, Y=Y)


def explain_memory_of(model: Model) -> Model:
    """Let a layer raise clear memory errors.

    model (Model): the layer; `model.attrs["name"]` is its checkpoint.
    RETURNS (Model): the layer.
    """
    model._func = partial(_forward, model._func)
    return model


def _forward(
    original: Callable, model: Model, X: Any, is_train: bool
) -> Tuple[Any, Callable]:
    name = model.attrs["name"]
    with explain_memory(name):
        Y, backprop = original(model, X, is_train)

    def backprop_or_say(dY: Any) -> Any:
        with explain_memory(name):
            return backprop(dY)

    return Y, backprop_or_say


@contextmanager
def explain_memory(name: str) -> Iterator[None]:
    """RAISES (OutOfMemoryError): instead of the libraries' errors."""
    try:
        yield
    except OutOfMemoryError:
        raise
    except (MemoryError, RuntimeError) as error:
        if not is_memory_error(error):
            raise
        raise OutOfMemoryError(describe_memory(name, error)) from None


@contextmanager
def explain(name: str) -> Iterator[None]:
    """RAISES (CheckpointError, OutOfMemoryError): instead of the libraries' errors."""
    try:
        yield
    except (CheckpointError, OutOfMemoryError):
        raise
    except Exception as error:
        if is_memory_error(error):
            raise OutOfMemoryError(describe_memory(name, error)) from None
        raise CheckpointError(describe(name, error)) from None


def is_memory_error(error: BaseException) -> bool:
    """RETURNS (bool): whether the error is about memory of the machine or a GPU."""
    words = ("out of memory", "can't allocate memory", "not enough memory")
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or (isinstance(error, RuntimeError) and any(x in str(error) for x in words))
    )


def describe_memory(name: str, error: BaseException) -> str:
    """RETURNS (str): the message."""
    text = str(error)
    is_gpu = any(x in text for x in ("CUDA", "cuda", "GPU", "MPS"))
    where = "on the GPU" if is_gpu else "in this machine"
    return (
        f"Not enough memory {where} for {name} ({_first_line(error)}). Use smaller "
        "batches (training.batcher.size, nlp.batch_size, windows), half precision "
        f"(mixed_precision = true, on GPUs), or a smaller checkpoint: {SIZES}."
    )


def describe(name: str, error: BaseException) -> str:
    """RETURNS (str): message on why a checkpoint could not be loaded."""
    causes = _get_causes(error)
    kinds = {type(cause).__name__ for cause in causes}
    text = " ".join(map(str, causes))
    if "GatedRepoError" in kinds:
        return (
            f"{name} is gated on the Hugging Face hub: accept its terms on its page, "
            "then log in with huggingface-cli login."
        )
    if kinds & {"RepositoryNotFoundError", "HFValidationError"}:
        return (
            f"Model {name!r} not found on the Hugging Face hub, or private; expected "
            "a name such as roberta-base or a local folder. Check the spelling "
            f"({SIZES})."
        )
    if is_offline() and _is_of_network(kinds, text):
        return (
            f"{name} is not in the cache {get_cache()}, and HF_HUB_OFFLINE or "
            "TRANSFORMERS_OFFLINE disables downloads. Check the spelling; run once "
            "without these variables and with network access, or copy the cache from "
            f"another machine; or use a local folder ({SIZES})."
        )
    if _is_of_network(kinds, text):
        return (
            f"{name} is not in the cache {get_cache()}, and the Hugging Face hub "
            "can't be reached. Check the network and the spelling, or use a local "
            f"folder ({SIZES})."
        )
    if "does not recognize this architecture" in text or "model_type" in text:
        return (
            f"The architecture in config.json of {name} is unknown to the installed "
            f"transformers ({_first_line(error)}); expected an encoder, such as "
            f"roberta-base ({SIZES})."
        )
    for library in ("sentencepiece", "protobuf", "tiktoken"):
        if library in text.lower() and ("ImportError" in kinds or "install" in text):
            return (
                f"The tokenizer of {name} needs {library}, which is not installed: "
                f"pip install {library}."
            )
    return (
        f"{name} can't be used as a transformer ({type(error).__name__}: "
        f"{_first_line(error)}); expected the output of transformers' "
        f"save_pretrained. Download it again, or use another one ({SIZES})."
    )


def _is_of_network(kinds: "set[str]", text: str) -> bool:
    names = {
        "LocalEntryNotFoundError",
        "OfflineModeIsEnabled",
        "ConnectionError",
        "ConnectTimeout",
        "ProxyError",
        "SSLError",
    }
    return bool(kinds & names) or "couldn't connect to" in text.lower()


def is_offline() -> bool:
    """RETURNS (bool): whether downloads are forbidden."""
    from huggingface_hub import constants

    return bool(constants.HF_HUB_OFFLINE)


def get_cache() -> str:
    """RETURNS (str): the folder of downloaded checkpoints."""
    from huggingface_hub import constants

    return str(constants.HF_HUB_CACHE)


def _get_causes(error: Optional[BaseException]) -> List[BaseException]:
    causes: List[BaseException] = []
    while error is not None and error not in causes:
        causes.append(error)
        error = error.__cause__ or error.__context__
    return causes


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__).rstrip(".")[:200]
