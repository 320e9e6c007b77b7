"""A loaded model: its weights and tokens, and what they compute. Used by one thread."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from agx.backends.transformers.hub import fetched
from agx.backends.transformers.libraries import Libraries, import_libraries
from agx.backends.transformers.placing import device_of, weights_arguments
from agx.backends.transformers.sampling import TorchSampler
from agx.backends.transformers.spec import TransformersSpec
from agx.backends.transformers.vocabulary import TransformersVocabulary
from agx.engine.chat.chosen import chosen_template
from agx.engine.chat.prompt_writer import PromptWriter
from agx.errors import AgxError, ModelUnloadable, OutOfMemory, Unsupported
from agx.grammar.constraint import ConstraintCompiler
from agx.grammar.llguidance import constraint_tokenizer
from agx.requests import LoadOptions, Parameters

# A prompt is read in blocks, which a cancellation waits for: on a CPU about a tenth of a second each.
_LONGEST_BLOCK, _SHORTEST_BLOCK = 512, 16
_CPU_WEIGHTS_A_BLOCK = 8_000_000_000
_GENERATES = ("CausalLM", "LMHead", "ConditionalGeneration")
_UNKNOWN_CONTEXT_LENGTH = 4096


class TransformersModel:
    """Weights and tokenizer of one folder or GGUF file; `prompts` and `compiler` as `agx.engine` has them.

    Raises `Unsupported`, `DeviceUnavailable`, `ModelMissing`, `ModelUnloadable`, `TemplateError` and
    `OutOfMemory`.
    """

    keeps_static_prompts = False

    def __init__(self, spec: TransformersSpec) -> None:
        self.libraries = import_libraries()
        self.device = device_of(self.libraries, spec.load.device)
        if spec.load.threads is not None:
            self.libraries.torch.set_num_threads(spec.load.threads)
        # Before anything is fetched: what cannot be had is not worth a download.
        arguments = weights_arguments(self.libraries, spec.load, self.device, spec.quantization)
        path = spec.path
        if path is None:
            assert spec.hub_name is not None, "a model is on the hub or on this machine"
            path = fetched(spec.hub_name, cache_dir=spec.hub_cache_dir)
        self.path = path
        self._tokenizer, self._model, self.generates = _loaded(
            self.libraries, spec, path, device=self.device, arguments=arguments
        )
        config = self._model.config.get_text_config()
        self.architecture: str = config.model_type
        self.context_length = _context_length(config, spec.load)
        self.vocabulary = TransformersVocabulary(
            self._tokenizer, size=config.vocab_size, end_ids=_end_ids(self._model, self._tokenizer)
        )
        template, self.warnings = chosen_template(
            spec.load.chat_template or _template_of(self._tokenizer),
            model=spec.name,
            bos_text=self.vocabulary.bos_text,
            eos_text=self.vocabulary.eos_text,
        )
        self.prompts = PromptWriter(template, defused=self.vocabulary.defused)
        self.compiler = ConstraintCompiler(
            constraint_tokenizer(
                self.vocabulary.pieces,
                control_ids=self.vocabulary.control_ids,
                end_ids=self.vocabulary.end_ids,
                tokenise=self.vocabulary.tokenise_exactly,
            )
        )
        self.block_size = _LONGEST_BLOCK
        if self.device == "cpu":
            fitting = _CPU_WEIGHTS_A_BLOCK // max(1, self._model.num_parameters())
            self.block_size = max(_SHORTEST_BLOCK, min(_LONGEST_BLOCK, fitting))
        names = self._forward_names = frozenset(_parameters_of(self._model))
        # transformers renamed it in version 5.
        self._cache_name = "cache" if "cache" in names else "past_key_values"

    def sampler(self, parameters: Parameters, *, seed: int) -> TorchSampler:
        """Return the sampler of one generation."""
        return TorchSampler(self.libraries.torch, parameters, seed=seed)

    def new_cache(self) -> Any:  # noqa: ANN401  see libraries
        """Return the memory of one sequence, empty; raises `Unsupported` for a model that writes no text."""
        if not self.generates:
            raise Unsupported(
                f"{self.architecture} is an encoder: it makes embeddings, and writes no text",
                hint="plan with a language model",
            )
        return self.libraries.transformers.DynamicCache(config=self._model.config)

    def decode(self, tokens: list[int], cache: Any) -> Any:  # noqa: ANN401  as above
        """Let the model see these tokens, and return the logits behind the last: float32, (1, tokens)."""
        torch = self.libraries.torch
        last = {"logits_to_keep": 1} if "logits_to_keep" in self._forward_names else {}
        with torch.inference_mode(), _Mapped(self.libraries):
            ids = torch.tensor([tokens], device=self.device)
            output = self._model(input_ids=ids, use_cache=True, **{self._cache_name: cache}, **last)
            return output.logits[0, -1:].float().cpu()

    def tokens_of(self, text: str) -> list[int]:
        """Return the tokens of a text to embed, with those that the tokenizer adds."""
        self._tokenizer.backend_tokenizer.encode_special_tokens = True
        ids: list[int] = self._tokenizer.backend_tokenizer.encode(text).ids
        return ids

    def pooled(self, batch: list[list[int]]) -> list[list[float]]:
        """Return one vector a text: the mean over its tokens, divided by its length (Euclidean norm)."""
        torch = self.libraries.torch
        width = max(map(len, batch))
        with torch.inference_mode(), _Mapped(self.libraries):
            padded = [tokens + [0] * (width - len(tokens)) for tokens in batch]
            ids = torch.tensor(padded, device=self.device)
            lengths = torch.tensor([[len(tokens)] for tokens in batch], device=self.device)
            mask = (torch.arange(width, device=self.device)[None] < lengths).long()
            cacheless = {"use_cache": False} if self.generates else {}
            output = self._model.base_model(input_ids=ids, attention_mask=mask, **cacheless)
            states = output.last_hidden_state.float() * mask[..., None]
            means = states.sum(dim=1) / lengths
            vectors: list[list[float]] = torch.nn.functional.normalize(means, dim=-1).cpu().tolist()
            return vectors

    def close(self) -> None:
        """Free the weights, and the memory that torch keeps for others like them."""
        self._model = None
        if self.device == "cuda":
            self.libraries.torch.cuda.empty_cache()


class _Mapped:
    """Turns an error for lack of memory within a block into `OutOfMemory`."""

    def __init__(self, libraries: Libraries) -> None:
        self._errors = (MemoryError, libraries.torch.OutOfMemoryError)

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> None:
        is_cpu = isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
        if isinstance(error, self._errors) or is_cpu:
            raise OutOfMemory(
                "the model ran out of memory", hint="use a smaller model, --quantization 4bit or a GGUF file"
            ) from error


def _loaded(
    libraries: Libraries, spec: TransformersSpec, path: Path, *, device: str, arguments: Mapping[str, Any]
) -> tuple[Any, Any, bool]:
    """Return the tokenizer, the model, and whether it writes text."""
    auto = libraries.transformers
    # What a repository brings along of its own code is never run.
    known: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    folder, generates = path, True
    if path.is_file():
        if spec.quantization is not None:
            raise Unsupported(
                "transformers computes with the weights of a GGUF file in full",
                hint="leave --quantization out, or run the file with --backend llamacpp",
            )
        folder, known = path.absolute().parent, known | {"gguf_file": path.name}
    try:
        with _Mapped(libraries):
            if not path.is_file():
                config = auto.AutoConfig.from_pretrained(folder, **known)
                named = config.architectures or ()
                generates = any(word in name for name in named for word in _GENERATES)
            tokenizer = auto.AutoTokenizer.from_pretrained(folder, **known)
            kind = auto.AutoModelForCausalLM if generates else auto.AutoModel
            model = kind.from_pretrained(folder, **known, **arguments)
            model = model if spec.quantization is not None else model.to(device)
    except AgxError:
        raise
    except Exception as error:  # noqa: BLE001  damaged files raise anything
        _refuse(path, error)
    return tokenizer, model.eval(), generates


def _refuse(path: Path, error: Exception) -> NoReturn:
    reason = next(iter(str(error).strip().splitlines()), "")[:300]
    hint = "fetch the model again; a GGUF file that transformers cannot read runs with --backend llamacpp"
    raise ModelUnloadable(
        f"transformers cannot load {os.fspath(path)}: {type(error).__name__}: {reason}", hint=hint
    ) from error


def _context_length(config: Any, options: LoadOptions) -> int:  # noqa: ANN401  as above
    own = getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", None)
    length = own if isinstance(own, int) and own > 0 else _UNKNOWN_CONTEXT_LENGTH
    return min(length, options.context_size or length)


def _end_ids(model: Any, tokenizer: Any) -> set[int]:  # noqa: ANN401  as above
    """Return the tokens that end a text, by the model's configuration and its tokenizer's."""
    generation = getattr(model, "generation_config", None)
    named = getattr(generation, "eos_token_id", None)
    ends = set(named) if isinstance(named, list) else {named}
    return {token for token in ends | {tokenizer.eos_token_id, tokenizer.sep_token_id} if token is not None}


def _template_of(tokenizer: Any) -> str | None:  # noqa: ANN401  as above
    """Return the chat template; of several, the one for tools."""
    template = tokenizer.chat_template
    if isinstance(template, dict):
        template = template.get("tool_use") or template.get("default")
    return template if isinstance(template, str) else None


def _parameters_of(model: Any) -> list[str]:  # noqa: ANN401  as above
    import inspect  # noqa: PLC0415  used once a load

    return list(inspect.signature(model.forward).parameters)
