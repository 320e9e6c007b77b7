"""A loaded model: its weights, what its metadata say, and where and how it runs."""

from __future__ import annotations

import ctypes
import os
from dataclasses import dataclass
from pathlib import Path

from agx.engine import devices, native
from agx.engine.native import lib
from agx.engine.values import EngineOptions
from agx.errors import ConfigError, ModelMissing, ModelUnloadable

_ALL_LAYERS = -1
# Above this, the memory of a context is worth asking for (`context_size`).
_DEFAULT_CONTEXT_LENGTH = 8192
# A small model's products are too short to share: (parameters up to, threads at most).
_THREADS_BY_SIZE = ((50_000_000, 1), (300_000_000, 4))
_MAX_THREADS = 16


@dataclass(frozen=True, slots=True)
class Weights:
    """A model in memory. `address` is llama.cpp's model; `close` frees it, contexts first."""

    path: str
    address: int
    device: str

    @classmethod
    def load(cls, path: str, options: EngineOptions) -> Weights:
        """Load a GGUF file.

        Raises `ModelMissing`, `ModelUnloadable` with the reason llama.cpp logged, `ConfigError` and
        `DeviceUnavailable`.
        """
        _check_path(path)
        device, gpus = devices.resolve(options.device)
        parameters = lib.llama_model_default_params()
        parameters.n_gpu_layers = _gpu_layers(options, has_gpu=bool(gpus))
        # A list of devices that ends at once keeps even single operations off a GPU.
        chosen = (ctypes.c_void_p * (len(gpus) + 1))(*(gpu.address for gpu in gpus), None)
        parameters.devices = ctypes.addressof(chosen)
        if native.needs_amx_guard():
            parameters.use_extra_bufts = False
        native.log.first_error = ""
        address = lib.llama_model_load_from_file(os.fsencode(path), parameters)
        if not address:
            reason = native.log.first_error or "it gave no reason"
            raise ModelUnloadable(
                f"{path} is not a model that llama.cpp loads: {reason}",
                hint="check that the file is a whole GGUF of a supported architecture",
                path=path,
            )
        weights = cls(path=path, address=address, device=device)
        weights._check_generates()
        return weights

    def _check_generates(self) -> None:
        """Raise `ModelUnloadable` for a model that has no next token to give: an encoder."""
        causal = self.metadata(f"{self.metadata('general.architecture')}.attention.causal")
        if causal == "false" or lib.llama_model_has_encoder(self.address):
            self.close()
            raise ModelUnloadable(
                f"{self.path} is a model for embeddings or translation, which writes no text by itself",
                hint="use a model that generates text",
                path=self.path,
            )

    def close(self) -> None:
        """Free the memory; nothing may use the model afterwards."""
        lib.llama_model_free(self.address)

    def metadata(self, key: str) -> str | None:
        """Give the text of one metadata key; None when the model has no such key."""
        buffer = ctypes.create_string_buffer(4096)
        length = lib.llama_model_meta_val_str(self.address, key.encode(), buffer, len(buffer))
        return None if length < 0 else native.text(buffer.value)

    @property
    def chat_template(self) -> str | None:
        """The model's own chat template."""
        return native.text(lib.llama_model_chat_template(self.address, None)) or None

    @property
    def trained_context_length(self) -> int:
        """How many tokens the model was trained to see at once."""
        return int(lib.llama_model_n_ctx_train(self.address))

    def context_length(self, options: EngineOptions) -> int:
        """Give the context length to use; raises `ConfigError` where the model was not trained for it."""
        trained = self.trained_context_length
        size = options.context_size
        if size is None:
            return min(trained, _DEFAULT_CONTEXT_LENGTH)
        if not 1 <= size <= trained:
            raise ConfigError(
                f"a context of {size} tokens is out of range for this model",
                hint=f"it was trained for 1 to {trained}",
            )
        return size

    def num_threads(self, options: EngineOptions) -> int:
        """Give the number of threads: as asked for, or by the model's size and the CPUs we may use."""
        if options.threads is not None:
            if options.threads < 1:
                raise ConfigError(f"threads = {options.threads} is out of range", hint="use 1 or more")
            return options.threads
        num_parameters = lib.llama_model_n_params(self.address)
        limits = (threads for size, threads in _THREADS_BY_SIZE if num_parameters <= size)
        return min(next(limits, _MAX_THREADS), _usable_cpus())


def _check_path(path: str) -> None:
    file = Path(path)
    if not file.exists():
        raise ModelMissing(f"there is no model at {path}", hint="check the path of the model", path=path)
    if file.is_dir():
        raise ModelUnloadable(f"{path} is a folder", hint="name the GGUF file in it", path=path)
    if not os.access(path, os.R_OK):
        raise ModelUnloadable(f"{path} may not be read", hint="check the permissions of the file", path=path)


def _gpu_layers(options: EngineOptions, *, has_gpu: bool) -> int:
    if not has_gpu:
        return 0
    return _ALL_LAYERS if options.gpu_layers is None else options.gpu_layers


def _usable_cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
