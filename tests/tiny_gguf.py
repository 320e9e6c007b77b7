"""Small random-weight GGUF models for tests: real files that real llama.cpp loads in milliseconds.

Architecture qwen3, as the embedded planner has it (q/k norms, tied embeddings), with a byte-level
vocabulary: 256 bytes, the merges of a few words, and the special tokens below.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import gguf
import numpy as np

END = "<|end|>"
SYSTEM = "<|system|>"
USER = "<|user|>"
ASSISTANT = "<|assistant|>"
THINK = "<think>"
CONTROL_TOKENS = (END, SYSTEM, USER, ASSISTANT)
CHAT_TEMPLATE = (
    "{%- for message in messages -%}<|{{ message.role }}|>{{ message.content }}{%- endfor -%}"
    "{%- if add_generation_prompt -%}" + ASSISTANT + "{%- endif -%}"
)
# Merges are made from the left, so every prefix of a word here is a token as well. No word crosses
# the pre-tokenizer's borders between letters and signs.
MERGED_WORDS = (
    '{"', "tasks", '":[{"', "command", '":"', '","', "args", '":[', '":["', '"],"', '"]}]}', '"]},{"', '"},',
    "input", "from", "task", '":', "save", "to", "glob", "env", "text", "split", "true",
    "find", "grep", "sort", "xargs", "head", "list", " all", " files", " the", " lines", "count", "python",
)  # fmt: skip


@dataclass(frozen=True)
class TinyModel:
    """What a tiny model is like. `merges` False leaves single bytes, so every text has one tokenisation.

    `more_control` are further control tokens.
    """

    seed: int = 0
    merges: bool = True
    chat_template: str | None = CHAT_TEMPLATE
    context_length: int = 1024
    planner_tools: str | None = "unix"
    float_type: str = "F16"
    num_layers: int = 2
    width: int = 64
    num_heads: int = 4
    num_kv_heads: int = 2
    ffn_width: int = 128
    scale: float = 0.5
    more_control: tuple[str, ...] = ()


def write_tiny_gguf(path: Path, model: TinyModel | None = None) -> Path:
    """Write the model to `path` and return the path; the same model is made once a test run."""
    path.write_bytes(_file_of(model or TinyModel()))
    return path


@cache
def _file_of(model: TinyModel) -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.gguf"
        _write(path, model)
        return path.read_bytes()


def _write(path: Path, model: TinyModel) -> None:
    writer = gguf.GGUFWriter(path, "qwen3")
    tokens, types, merges = _vocabulary(model)
    _add_facts(writer, model)
    _add_tokenizer(writer, tokens=tokens, types=types, merges=merges)
    for name, tensor in _tensors(model, vocabulary_size=len(tokens)).items():
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_facts(writer: gguf.GGUFWriter, model: TinyModel) -> None:
    writer.add_name("tiny")
    writer.add_context_length(model.context_length)
    writer.add_embedding_length(model.width)
    writer.add_block_count(model.num_layers)
    writer.add_feed_forward_length(model.ffn_width)
    writer.add_head_count(model.num_heads)
    writer.add_head_count_kv(model.num_kv_heads)
    writer.add_key_length(model.width // model.num_heads)
    writer.add_value_length(model.width // model.num_heads)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(10_000.0)
    if model.planner_tools is not None:
        writer.add_string("agx.planner.tools", model.planner_tools)
    if model.chat_template is not None:
        writer.add_chat_template(model.chat_template)


def _add_tokenizer(
    writer: gguf.GGUFWriter, *, tokens: list[str], types: list[gguf.TokenType], merges: list[str]
) -> None:
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges(merges)
    writer.add_bos_token_id(tokens.index(END))
    writer.add_eos_token_id(tokens.index(END))
    writer.add_add_bos_token(value=False)


def byte_alphabet() -> list[str]:
    """Return the printable character that stands for each byte in a byte-level vocabulary.

    Source: `bytes_to_unicode` of https://github.com/openai/gpt-2/blob/master/src/encoder.py
    """
    plain = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = iter(range(256, 512))
    return [chr(byte) if byte in plain else chr(next(others)) for byte in range(256)]


def _vocabulary(model: TinyModel) -> tuple[list[str], list[gguf.TokenType], list[str]]:
    alphabet = byte_alphabet()
    # llama.cpp refuses an empty list of merges; this one makes no token, so it changes nothing.
    tokens, merges = list(alphabet), ["\u0120 \u0120"]
    for word in MERGED_WORDS if model.merges else ():
        spelled = [alphabet[byte] for byte in word.encode()]
        for end in range(1, len(spelled)):
            whole = "".join(spelled[: end + 1])
            if whole not in tokens:
                tokens.append(whole)
                merges.append(f"{''.join(spelled[:end])} {spelled[end]}")
    types = [gguf.TokenType.NORMAL] * len(tokens)
    types += [gguf.TokenType.CONTROL] * len(CONTROL_TOKENS) + [gguf.TokenType.USER_DEFINED]
    types += [gguf.TokenType.CONTROL] * len(model.more_control)
    tokens += [*CONTROL_TOKENS, THINK, *model.more_control]
    return tokens, types, merges


def _tensors(model: TinyModel, *, vocabulary_size: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(model.seed)
    kind = {"F16": np.float16, "F32": np.float32}[model.float_type]
    head_width = model.width // model.num_heads
    kv_width = head_width * model.num_kv_heads

    def matrix(rows: int, columns: int) -> np.ndarray:
        return (random.standard_normal((rows, columns)) * model.scale).astype(kind)

    tensors = {
        "token_embd.weight": matrix(vocabulary_size, model.width),
        "output_norm.weight": np.ones(model.width, np.float32),
    }
    for layer in range(model.num_layers):
        block = f"blk.{layer}."
        tensors |= {
            block + "attn_norm.weight": np.ones(model.width, np.float32),
            block + "attn_q.weight": matrix(model.width, model.width),
            block + "attn_k.weight": matrix(kv_width, model.width),
            block + "attn_v.weight": matrix(kv_width, model.width),
            block + "attn_output.weight": matrix(model.width, model.width),
            block + "attn_q_norm.weight": np.ones(head_width, np.float32),
            block + "attn_k_norm.weight": np.ones(head_width, np.float32),
            block + "ffn_norm.weight": np.ones(model.width, np.float32),
            block + "ffn_gate.weight": matrix(model.ffn_width, model.width),
            block + "ffn_up.weight": matrix(model.ffn_width, model.width),
            block + "ffn_down.weight": matrix(model.width, model.ffn_width),
        }
    return tensors
