"""A model ready to write: what is loaded together and freed together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from agx.engine import native
from agx.engine.chat import ChatTemplate
from agx.engine.context import Context
from agx.engine.sampling import MaskBias
from agx.engine.tokens import Vocabulary
from agx.engine.values import EngineOptions
from agx.engine.weights import Weights
from agx.errors import PromptTooLong
from agx.grammar.matcher import ConstraintCompiler
from agx.grammar.vocab import constraint_tokenizer

# A prompt that leaves less room than this (or than the request asks for) is refused up front.
_LEAST_ROOM_TOKENS = 64


class Model:
    """Weights, vocabulary, template and context of one GGUF file.

    Raises `ModelMissing`, `ModelUnloadable`, `DeviceUnavailable`, `TemplateError`, `ConfigError` and
    `OutOfMemory`.
    """

    def __init__(self, path: str, options: EngineOptions) -> None:
        with ExitStack() as resources:
            self.weights = Weights.load(path, options)
            resources.callback(self.weights.close)
            self.vocabulary = Vocabulary(self.weights.address)
            self.template = self._template()
            self.context = Context(
                self.weights.address,
                length=self.weights.context_length(options),
                num_threads=self.weights.num_threads(options),
            )
            resources.callback(self.context.close)
            self._resources = resources.pop_all()
        self.bias = MaskBias(len(self.vocabulary))
        self.compiler = self._compiler()

    def _template(self) -> ChatTemplate:
        source = self.weights.chat_template
        if source is None:
            import logging  # noqa: PLC0415  nearly every model has a template

            logging.getLogger(__name__).warning(
                "%s has no chat template; its prompts are written as ChatML", self.weights.path
            )
        vocabulary = self.vocabulary
        return ChatTemplate(source, bos_text=vocabulary.bos_text, eos_text=vocabulary.eos_text)

    def _compiler(self) -> ConstraintCompiler:
        vocabulary = self.vocabulary
        tokenizer = constraint_tokenizer(
            vocabulary.pieces,
            control_ids=vocabulary.control_ids,
            end_ids=vocabulary.end_ids or {vocabulary.eos},
            vocabulary_address=vocabulary.address,
            tokenise_address=native.function_address("llama_tokenize"),
        )
        return ConstraintCompiler(tokenizer)

    def facts(self) -> dict[str, Any]:
        """Give what the model says of itself."""
        return {
            "name": self.weights.metadata("general.name") or Path(self.weights.path).stem,
            "architecture": self.weights.metadata("general.architecture") or "",
            "context_length": self.context.length,
            "device": self.weights.device,
            "planner_tools": self.weights.metadata("agx.planner.tools"),
            "build": native.build(),
        }

    def write_prompt(self, messages: Sequence[Mapping[str, str]]) -> tuple[str, str]:
        """Give the prompt by the model's template, and the mark in it that keeps messages apart from it."""
        contents, mark = self.vocabulary.defused(message["content"] for message in messages)
        defused = [
            {**message, "content": content} for message, content in zip(messages, contents, strict=True)
        ]
        return self.template.render(defused), mark

    def tokenise_prompt(self, prompt: str, *, mark: str) -> list[int]:
        """Give the prompt's tokens; raises `PromptTooLong` when it alone is longer than the context."""
        return self.vocabulary.tokenise_prompt(prompt, broken_by=mark, at_most=self.context.length)

    def check_room(self, num_prompt_tokens: int, *, max_tokens: int) -> None:
        """Raise `PromptTooLong` when the prompt leaves too little room for an answer."""
        length, needed = self.context.length, min(max_tokens, _LEAST_ROOM_TOKENS)
        if num_prompt_tokens + needed > length:
            raise PromptTooLong(
                f"the prompt has {num_prompt_tokens:,} tokens and its answer needs {needed} or more; "
                f"the context has {length:,}",
                hint="use a shorter instruction, fewer tools or a model with a larger context",
                prompt_tokens=num_prompt_tokens,
                needed_tokens=needed,
                context_length=length,
            )

    def close(self) -> None:
        """Free everything, in the order that llama.cpp wants; safe to call twice."""
        self._resources.close()
