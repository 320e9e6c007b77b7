"""Where a model runs, in which type, and by which attention: from what was asked for to what there is."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from agx.backends.transformers.libraries import Libraries
from agx.errors import DeviceUnavailable, Unsupported
from agx.requests import LoadOptions

_NEEDED = ("bitsandbytes", "accelerate")


def device_of(libraries: Libraries, asked: str) -> str:
    """Return torch's name of the device: CUDA, then Metal, then the CPU for `auto`.

    Raises `DeviceUnavailable` for one that this build of torch or this machine lacks.
    """
    torch = libraries.torch
    cuda, metal = torch.backends.cuda, torch.backends.mps
    built = {"cuda": cuda.is_built(), "mps": metal.is_built(), "cpu": True}
    there = {"cuda": torch.cuda.is_available(), "mps": metal.is_available(), "cpu": True}
    if asked == "auto":
        return next(name for name, is_there in there.items() if is_there)
    name = "mps" if asked == "metal" else asked
    if not there.get(name, False):
        lacks = "this machine has none" if built.get(name, False) else f"torch {torch.__version__} has none"
        raise DeviceUnavailable(
            f"no device {asked} for transformers: {lacks}",
            hint="use --device auto or cpu, or install the build of torch for it: https://pytorch.org",
        )
    return name


def weights_arguments(
    libraries: Libraries, options: LoadOptions, device: str, quantization: str | None
) -> dict[str, Any]:
    """Return what transformers is to load weights with.

    On a CPU they are computed with as 32-bit numbers, and elsewhere as the file has them. Raises
    `Unsupported` for a quantisation or an attention that cannot be had.
    """
    arguments: dict[str, Any] = {"dtype": libraries.torch.float32 if device == "cpu" else "auto"}
    attention = _attention(options.flash_attn, device)
    if attention is not None:
        arguments["attn_implementation"] = attention
    if quantization is not None:
        _check_quantization(quantization, device)
        bits = {"load_in_4bit": True} if quantization == "4bit" else {"load_in_8bit": True}
        arguments["quantization_config"] = libraries.transformers.BitsAndBytesConfig(**bits)
        arguments["device_map"] = {"": device}
    return arguments


def _attention(asked: str, device: str) -> str | None:
    """Return transformers' name of the attention; None leaves it to torch, which has a fast one built in."""
    if asked == "off":
        return "eager"
    if device == "cuda" and find_spec("flash_attn") is not None:
        return "flash_attention_2"
    if asked == "on" and device == "cpu":
        raise Unsupported("there is no flash attention on a CPU", hint="use --flash-attn auto")
    return None


def _check_quantization(quantization: str, device: str) -> None:
    if device == "mps":
        raise Unsupported(
            f"no {quantization} weights on Metal: bitsandbytes has no kernels for it",
            hint="leave --quantization out, or use a GGUF file with --backend llamacpp",
        )
    for package in _NEEDED:
        if find_spec(package) is None:
            raise Unsupported(
                f"{quantization} weights need the package {package}, which is not installed",
                hint="install it: pip install bitsandbytes accelerate; or use a GGUF file with llama.cpp",
            )
