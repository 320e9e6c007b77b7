"""A loaded model: its weights and metadata, and where and how it runs."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from agx.engine import devices, native
from agx.engine.native import lib
from agx.errors import ConfigError, ModelUnloadable
from agx.gguf.card import ModelCard, read_card
from agx.gguf.memory import Use, use_of
from agx.gguf.placement import Machine, Placement, most_sequences, place
from agx.gguf.purpose import ENCODER, check_embeds, check_purpose
from agx.requests import LoadOptions
from agx.util.frozen import dataclass
from agx.util.machine import memory_bytes, usable_cpus

OnProgress = Callable[[float], None]

# The products of a small model are too short to share: (up to so many parameters, at most so many threads).
_THREADS_BY_SIZE = ((50_000_000, 1), (300_000_000, 4))
_MAX_THREADS = 16


@dataclass(frozen=True, slots=True)
class Weights:
    """A model in memory. `address` is llama.cpp's model; `close` frees it, contexts first.

    `gpu_layers` is -1 for all of them. Memory was planned for `num_sequences` of `context_length` tokens.
    `is_rearranged`: llama.cpp may keep a copy of many weights, in an order that suits the processor better.
    """

    path: str
    address: int
    device: str
    card: ModelCard
    gpu_layers: int
    context_length: int
    num_sequences: int
    is_rearranged: bool

    @classmethod
    def load(
        cls,
        path: str,
        options: LoadOptions,
        *,
        card: ModelCard | None = None,
        progress: OnProgress | None = None,
        embeds: bool = False,
    ) -> Weights:
        """Load a GGUF file; `progress` is called with the part of it that has been read, from 0 to 1.

        `card` is the file's card, where it was read before. `embeds` lets encoders in, which write no text.

        Raises `ModelMissing`, `GgufInvalid`, `ModelTooLarge`, `ModelUnloadable` with the reason
        llama.cpp logged, `ConfigError` and `DeviceUnavailable`.
        """
        card = card or read_card(Path(path))
        (check_embeds if embeds else check_purpose)(card.path, card.purpose)
        before = _versions(card)
        if sum(size for size, _ in before) != card.size_bytes:
            raise _changed(card)
        device, gpus = devices.resolve(options.device)
        use = _use(card, options)
        is_mapped = options.mmap and not options.mlock
        machine = _machine(gpus)
        placement = place(card, use, machine, gpu_layers=options.gpu_layers, is_mapped=is_mapped)
        address = _load_file(card, placement, gpus, load_mode=_load_mode(options), progress=progress)
        if not address:
            _check_unchanged(card, before)
            reason = native.log.first_error or "it gave no reason"
            raise ModelUnloadable(
                f"{path} is not a model that llama.cpp loads: {reason}",
                hint="check that the file is a whole GGUF of a supported architecture",
                path=path,
            )
        sequences = options.sequences or most_sequences(
            card, use, machine, placement=placement, is_mapped=is_mapped
        )
        weights = cls(
            path,
            address,
            device,
            card,
            placement.gpu_layers,
            use.context_length,
            sequences,
            _may_rearrange(placement),
        )
        try:
            _check_unchanged(card, before)
            if not embeds and lib.llama_model_has_encoder(address):
                check_purpose(card.path, ENCODER)
        except ModelUnloadable:
            weights.close()
            raise
        return weights

    def close(self) -> None:
        """Free the memory; nothing may use the model afterwards."""
        lib.llama_model_free(self.address)

    def metadata(self, key: str) -> str | None:
        """Return the text of one metadata key; None when the model has no such key."""
        buffer = ctypes.create_string_buffer(4096)
        length = lib.llama_model_meta_val_str(self.address, key.encode(), buffer, len(buffer))
        return None if length < 0 else native.text(buffer.value)

    @property
    def chat_template(self) -> str | None:
        """The model's own chat template."""
        return native.text(lib.llama_model_chat_template(self.address, None)) or None

    def num_threads(self, options: LoadOptions) -> int:
        """Return the number of threads: as asked for, or by the model's size and the usable CPUs."""
        if options.threads is not None:
            if options.threads < 1:
                raise ConfigError(f"threads = {options.threads} is out of range", hint="use 1 or more")
            return options.threads
        limits = (threads for size, threads in _THREADS_BY_SIZE if self.card.num_parameters <= size)
        return min(next(limits, _MAX_THREADS), usable_cpus())


def _load_file(
    card: ModelCard,
    placement: Placement,
    gpus: Sequence[devices.Device],
    *,
    load_mode: int,
    progress: OnProgress | None,
) -> int:
    """Return the address of the loaded model, or 0 where llama.cpp refused it."""
    parameters = lib.llama_model_default_params()
    parameters.n_gpu_layers = placement.gpu_layers
    parameters.load_mode = load_mode
    # An empty list of devices keeps even single operations off a GPU; it ends with a null pointer.
    chosen = (ctypes.c_void_p * (len(gpus) + 1))(*(gpu.address for gpu in gpus), None)
    parameters.devices = ctypes.addressof(chosen)
    callback = native.progress_callback(progress)
    parameters.progress_callback = callback
    parameters.use_extra_bufts = _may_rearrange(placement)
    native.log.first_error = ""
    address: int = lib.llama_model_load_from_file(os.fsencode(card.path), parameters)
    return address


def _may_rearrange(placement: Placement) -> bool:
    return placement.has_room and not native.needs_amx_guard()


def _use(card: ModelCard, options: LoadOptions) -> Use:
    return use_of(
        card,
        context_size=options.context_size,
        key_type=options.cache_type_k,
        value_type=options.cache_type_v,
        flash_attn=options.flash_attn,
        num_sequences=options.sequences or 1,
    )


def _check_unchanged(card: ModelCard, before: Sequence[tuple[int, int]]) -> None:
    """Raise `ModelUnloadable` for a file that has changed since the load began."""
    if _versions(card) != before:
        raise _changed(card)


def _changed(card: ModelCard) -> ModelUnloadable:
    return ModelUnloadable(
        f"{card.path} was changed while it was loaded",
        hint="wait until whatever writes it is done, and try again",
        path=str(card.path),
    )


def _versions(card: ModelCard) -> list[tuple[int, int]]:
    """Return the size and time stamp of each file; raises `ModelUnloadable` for one that is gone."""
    try:
        return [(status.st_size, status.st_mtime_ns) for status in (path.stat() for path in card.files)]
    except OSError as error:
        raise ModelUnloadable(
            f"{card.path} was taken away while it was loaded: {error.strerror}", hint="put it back"
        ) from error


def _machine(gpus: Sequence[devices.Device]) -> Machine:
    host = memory_bytes()
    return Machine(
        gpu_free=sum(gpu.free_bytes for gpu in gpus) if gpus else None,
        host_free=None if host is None else host[0],
        host_total=None if host is None else host[1],
    )


def _load_mode(options: LoadOptions) -> int:
    modes = {
        (True, False): lib.LLAMA_LOAD_MODE_MMAP,
        (True, True): lib.LLAMA_LOAD_MODE_MMAP_MLOCK,
        (False, True): lib.LLAMA_LOAD_MODE_MLOCK,
        (False, False): lib.LLAMA_LOAD_MODE_NONE,
    }
    return int(modes[options.mmap, options.mlock])
