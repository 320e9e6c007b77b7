"""Write a trained planner as GGUF: `python -m scripts.planner.export CHECKPOINT TOKENIZER OUT.gguf`.

With `--mean-with FILE …` the file is the mean of their averaged weights: of places near the end of one
run, or of a run and the GGUF file that it began from, which is better than any of them. With
`--check DATA`, llama.cpp must return the same ids for the development rows' texts and, within rounding,
the same logits.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gguf
import numpy as np
import torch

from scripts.planner.model import ModelShape, PlannerModel
from scripts.planner.sequences import DRAFT, END, FINDINGS, PAD, PLAN, SPECIAL_TOKENS, USER
from scripts.planner.tensor_names import tensor_name
from scripts.planner.unpack import read_weights

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from torch import Tensor

ARCHITECTURE = "qwen3"
DESCRIPTION = "Turns an instruction into a plan of Unix commands as JSON, and refines a draft with findings."
LICENCE = "mit"


@dataclass(frozen=True)
class Dataset:
    """Data that the planner was trained on; `licence` as an SPDX identifier where there is one."""

    name: str
    licence: str
    url: str | None = None


DATASETS = (
    Dataset("NL2Bash corpus", "MIT", "https://github.com/TellinaTool/nl2bash"),
    Dataset("tldr-pages", "CC-BY-4.0", "https://github.com/tldr-pages/tldr"),
    Dataset("denisidoro/cheats", "CC0-1.0", "https://github.com/denisidoro/cheats"),
    Dataset("cheat/cheatsheets", "CC0-1.0", "https://github.com/cheat/cheatsheets"),
    Dataset("AGX's hand-written and composed requests", "MIT"),
)
CHAT_TEMPLATE = (
    "{%- set ns = namespace(answered=false) -%}"
    "{%- for message in messages -%}"
    "{%- if message['role'] == 'assistant' -%}"
    "{%- set ns.answered = true -%}"
    "{{- '" + DRAFT + "' + message['content'] -}}"
    "{%- elif message['role'] == 'user' -%}"
    "{{- ('" + FINDINGS + "' if ns.answered else '" + USER + "') + message['content'] -}}"
    "{%- endif -%}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '" + PLAN + "' -}}{%- endif -%}"
)

_FILE_TYPES = {
    "F32": (gguf.GGMLQuantizationType.F32, gguf.LlamaFileType.ALL_F32),
    "F16": (gguf.GGMLQuantizationType.F16, gguf.LlamaFileType.MOSTLY_F16),
    "Q8_0": (gguf.GGMLQuantizationType.Q8_0, gguf.LlamaFileType.MOSTLY_Q8_0),
}


def load_average(files: Sequence[Path]) -> PlannerModel:
    """Load the mean of the averaged weights of files of one shape, the first of them a checkpoint.

    The others may be planners' GGUF files. The mean of a model and of the one that it was trained on
    from keeps more of what the first one knew: https://arxiv.org/abs/2109.01903
    """
    first = torch.load(files[0], map_location="cpu", weights_only=True)
    model = PlannerModel(ModelShape(**first["shape"]))
    averages = [first["average"], *(_averaged_weights(path, first["average"]) for path in files[1:])]
    model.load_state_dict({name: sum(one[name] for one in averages) / len(averages) for name in averages[0]})
    model.eval()
    return model


def _averaged_weights(path: Path, names: Iterable[str]) -> Mapping[str, Tensor]:
    if path.suffix == ".gguf":
        return read_weights(path, names)
    weights: Mapping[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)["average"]
    return weights


def write_gguf(model: PlannerModel, tokenizer_path: Path, out: Path, file_type: str = "F16") -> None:
    """Write model and tokenizer to one GGUF file; matrices as `file_type`, norms as F32."""
    quantisation, llama_file_type = _FILE_TYPES[file_type]
    writer = gguf.GGUFWriter(out, ARCHITECTURE)
    _add_general(writer, llama_file_type)
    _add_shape(writer, model.shape)
    _add_tokenizer(writer, json.loads(tokenizer_path.read_text(encoding="utf-8")))
    for name, tensor in model.state_dict().items():
        _add_tensor(writer, name, tensor, quantisation)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_general(writer: gguf.GGUFWriter, file_type: gguf.LlamaFileType) -> None:
    writer.add_name("agx-nano")
    writer.add_description(DESCRIPTION)
    writer.add_license(LICENCE)
    writer.add_languages(["en"])
    writer.add_file_type(file_type)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_dataset_count(len(DATASETS))
    for number, dataset in enumerate(DATASETS):
        writer.add_dataset_name(number, dataset.name)
        writer.add_dataset_description(number, f"licence: {dataset.licence}")  # the format has no key for it
        if dataset.url is not None:
            writer.add_dataset_url(number, dataset.url)
    writer.add_string("agx.planner.tools", "unix")


def _add_shape(writer: gguf.GGUFWriter, shape: ModelShape) -> None:
    writer.add_context_length(shape.context_length)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.num_layers)
    writer.add_feed_forward_length(shape.ffn_width)
    writer.add_head_count(shape.num_heads)
    writer.add_head_count_kv(shape.num_kv_heads)
    writer.add_key_length(shape.head_width)
    writer.add_value_length(shape.head_width)
    writer.add_layer_norm_rms_eps(shape.norm_epsilon)
    writer.add_rope_freq_base(shape.rope_base)
    writer.add_vocab_size(shape.vocab_size)


def _add_tokenizer(writer: gguf.GGUFWriter, data: dict[str, Any]) -> None:
    vocabulary: dict[str, int] = data["model"]["vocab"]
    merges: list[list[str]] = data["model"]["merges"]
    tokens = sorted(vocabulary, key=vocabulary.__getitem__)
    types = [gguf.TokenType.CONTROL if token in SPECIAL_TOKENS else gguf.TokenType.NORMAL for token in tokens]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges([" ".join(merge) for merge in merges])
    writer.add_bos_token_id(vocabulary[END])
    writer.add_eos_token_id(vocabulary[END])
    writer.add_pad_token_id(vocabulary[PAD])
    writer.add_add_bos_token(value=False)
    writer.add_add_eos_token(value=False)
    writer.add_chat_template(CHAT_TEMPLATE)


def _add_tensor(
    writer: gguf.GGUFWriter, name: str, tensor: Tensor, quantisation: gguf.GGMLQuantizationType
) -> None:
    kind = quantisation if tensor.dim() == 2 else gguf.GGMLQuantizationType.F32
    data = gguf.quants.quantize(tensor.float().numpy().astype(np.float32), kind)
    writer.add_tensor(tensor_name(name), data, raw_dtype=kind)


def main(arguments: list[str] | None = None) -> None:
    """Export a checkpoint, and check the file where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("tokenizer", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--mean-with", type=Path, nargs="+", default=[], help="checkpoints, GGUF files")
    parser.add_argument("--type", choices=sorted(_FILE_TYPES), default="F16")
    parser.add_argument("--check", type=Path, help="folder with dev.jsonl")
    options = parser.parse_args(arguments)
    model = load_average([options.checkpoint, *options.mean_with])
    write_gguf(model, options.tokenizer, options.out, options.type)
    print(f"{options.out}: {options.out.stat().st_size:,} bytes")
    if options.check is not None:
        from scripts.planner.check_export import check  # noqa: PLC0415 - needs llama.cpp

        check(model, options.tokenizer, options.out, rows_path=options.check / "dev.jsonl")


if __name__ == "__main__":
    main()
