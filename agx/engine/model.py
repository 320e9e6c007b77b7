"""A model ready to generate: what is loaded together and freed together."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from agx.engine import native
from agx.engine.chat.chosen import chosen_template
from agx.engine.chat.probed import MARK_CALL
from agx.engine.chat.prompt_writer import PromptWriter
from agx.engine.context import AbortFlag, Context, Shape
from agx.engine.pool import NUM_KEPT, Limits, Pool
from agx.engine.prefix_store import LEAST_WEIGHTS_BYTES, PrefixStore
from agx.engine.sampling import MaskBias, Sampler
from agx.engine.tokenizer import EarlyTokenizer
from agx.engine.weights import Weights
from agx.gguf.card import card_of
from agx.gguf.memory import FIRST_CONTEXT_LENGTH
from agx.gguf.reader import read_header
from agx.gguf.shards import shards_of
from agx.grammar.constraint import ConstraintCompiler
from agx.requests import LoadOptions, Parameters
from agx.util.blob_cache import BlobCache

# The metadata key of models trained for AGX: the kind of tools that they plan with.
_PLANNER_TOOLS = "agx.planner.tools"


class Model:
    """Weights, vocabulary, template and context of one GGUF file.

    Raises `ModelMissing`, `ModelUnloadable`, `DeviceUnavailable`, `TemplateError`, `ConfigError` and
    `OutOfMemory`.
    """

    def __init__(
        self,
        path: str,
        options: LoadOptions,
        *,
        cache: BlobCache | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> None:
        with ExitStack() as resources:
            parts = shards_of(read_header(Path(path)))
            card = card_of(parts)
            early = EarlyTokenizer(parts[0], vocab_size=card.vocab_size)
            self.weights = Weights.load(path, options, card=card, progress=progress)
            resources.callback(self.weights.close)
            self.vocabulary, tokenizer = early.finish(self.weights.address)
            template, self.warnings = chosen_template(
                options.chat_template or self.weights.chat_template,
                model=self.weights.path,
                bos_text=self.vocabulary.bos_text,
                eos_text=self.vocabulary.eos_text,
            )
            self._template_sha256 = None if options.chat_template is None else _sha256(options.chat_template)
            self.prompts = PromptWriter(
                template,
                defused=self.vocabulary.defused,
                is_own=self.weights.metadata(_PLANNER_TOOLS) is not None,
            )
            self._options = options
            self.abort_flag = AbortFlag()
            self._pools: dict[bool, Pool] = {}
            self._spare: Context | None = None
            resources.callback(self._close_pools)
            # Made now, so that a model without room for it is refused when it is loaded.
            self._spare = self._context(self._first_shape)
            self._resources = resources.pop_all()
        self.prefix_store = self._prefix_store(cache)
        self._bias = MaskBias(len(self.vocabulary))
        self.compiler = ConstraintCompiler(tokenizer)

    def _prefix_store(self, cache: BlobCache | None) -> PrefixStore | None:
        """Return where states of prompts are kept; None where that is not worth it, or cannot be."""
        weights = self.weights
        is_worth_it = self.can_reuse_prefix and weights.card.size_bytes >= LEAST_WEIGHTS_BYTES
        if cache is None or not is_worth_it:
            return None
        facts = {
            "device": weights.device,
            "gpu_layers": weights.gpu_layers,
            "threads": weights.num_threads(self._options),
            "is_rearranged": weights.is_rearranged,
            "flash_attn": self._options.flash_attn,
            "cache_types": [self._options.cache_type_k, self._options.cache_type_v],
        }
        name = weights.card.name
        try:
            return PrefixStore(cache, weights=weights.card.files, name=name, facts=facts)
        except OSError:
            return None

    @property
    def context_length(self) -> int:
        """How many tokens one sequence may have."""
        return self.weights.context_length

    @property
    def keeps_static_prompts(self) -> bool:
        """Whether what is computed of a prompt's static part is kept for other requests."""
        return self.prefix_store is not None

    def sampler(self, parameters: Parameters, *, seed: int) -> Sampler:
        """Return the sampler of one generation."""
        return Sampler(parameters, seed=seed, bias=self._bias)

    @property
    def can_reuse_prefix(self) -> bool:
        """Whether the memory of a sequence can be cut anywhere, as a recurrent state or a window cannot."""
        card = self.weights.card
        return not card.is_recurrent and not card.sliding_window

    @property
    def num_sequences(self) -> int:
        """How many sequences may be decoded together."""
        return self.weights.num_sequences

    @property
    def pools(self) -> list[Pool]:
        """The pools that have been used."""
        return list(self._pools.values())

    def pool_for(self, *, is_seeded: bool) -> Pool:
        """Return the pool of the requests with a seed, or of all others; raises `OutOfMemory`."""
        pool = self._pools.get(is_seeded)
        if pool is None:
            context, self._spare = self._spare, None
            num_running = 1 if is_seeded else self.num_sequences
            limits = Limits(
                num_running,
                num_tokens=num_running * self.context_length,
                keeps_prompts=self.can_reuse_prefix,
                is_exclusive=is_seeded,
            )
            pool = Pool(context or self._context(self._first_shape), self._context, limits)
            self._pools[is_seeded] = pool
        return pool

    @property
    def _first_shape(self) -> Shape:
        length = self.context_length
        if self._options.context_size is None:
            length = min(length, FIRST_CONTEXT_LENGTH)
        return Shape(length, num_kept=NUM_KEPT if self.can_reuse_prefix else 0)

    def _context(self, shape: Shape) -> Context:
        return Context(
            self.weights.address,
            shape,
            num_threads=self.weights.num_threads(self._options),
            abort_flag=self.abort_flag,
            options=self._options,
        )

    def _close_pools(self) -> None:
        if self._spare is not None:
            self._spare.close()
        for pool in self._pools.values():
            pool.close()

    def facts(self) -> dict[str, Any]:
        """Return the facts about the model that are reported upwards."""
        return {
            "name": self.weights.metadata("general.name") or "",
            "architecture": self.weights.metadata("general.architecture") or "",
            "context_length": self.context_length,
            "sequences": self.num_sequences,
            "device": self.weights.device,
            "gpu_layers": self.weights.gpu_layers,
            "planner_tools": self.weights.metadata(_PLANNER_TOOLS),
            "tool_call": MARK_CALL | {"text": self.prompts.written_call},
            "build": native.build(),
            "chat_template_sha256": self._template_sha256,
            "warnings": self.warnings,
        }

    def close(self) -> None:
        """Free everything, in the order that llama.cpp needs; safe to call twice."""
        self._resources.close()


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", errors="replace")).hexdigest()
