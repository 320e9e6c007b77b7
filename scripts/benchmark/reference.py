"""llama-cpp-python's own way to a plan: `create_completion`, with `LlamaGrammar` or without a grammar.

The grammar is made from AGX's plan schema, by the package's own converter. The converter cannot take
that schema as it is. What is changed, each time towards what costs it less:

- Tasks: it reads `prefixItems` as "exactly these", so a plan would need all ten tasks, and it knows no
  `$dynamicRef`. The form of the last task, which may name any task before it, is taken for every place,
  one to ten times.
- Strings: it copies a `pattern` into the grammar without JSON's escapes, so a bare quote would be
  allowed inside a string; `maxLength`, in its place, becomes one nested optional a character, on which
  llama.cpp's parser dies at a few thousand. Strings have no bound, no pattern, and admit control
  characters.
- Lists inside a task have no upper bound: 32 nested optionals for `args` make each token slower.
- White space: its rule `space`, which stands after every token of JSON, is made empty, as in AGX.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llama_cpp import Llama
from llama_cpp.llama_grammar import LlamaGrammar, json_schema_to_gbnf

_SPACE_RULE = re.compile(r"^space ::= .*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Completion:
    """A text and the time of the call that gave it."""

    text: str
    milliseconds: float


class Reference:
    """One model in this process, used as its documentation shows."""

    def __init__(
        self, model: Path, *, context_length: int, num_threads: int, schema: Mapping[str, Any]
    ) -> None:
        self._llama = Llama(
            str(model),
            n_ctx=context_length,
            n_threads=num_threads,
            n_threads_batch=num_threads,
            verbose=False,
        )
        self._grammar = LlamaGrammar.from_string(_gbnf(schema), verbose=False)

    def complete(self, prompt: str, *, max_tokens: int, is_constrained: bool) -> Completion:
        """Complete a prompt greedily, and measure."""
        # Otherwise the prompt that the run before has left in the cache would cost nothing.
        self._llama.reset()  # type: ignore[no-untyped-call]
        grammar = self._grammar if is_constrained else None
        started = time.perf_counter()
        reply = self._llama.create_completion(prompt, max_tokens=max_tokens, temperature=0.0, grammar=grammar)
        milliseconds = (time.perf_counter() - started) * 1000
        assert isinstance(reply, dict), "it was not asked to stream"
        return Completion(reply["choices"][0]["text"], milliseconds)

    def close(self) -> None:
        """Free the model."""
        self._llama.close()


def _gbnf(schema: Mapping[str, Any]) -> str:
    return _SPACE_RULE.sub('space ::= ""', json_schema_to_gbnf(json.dumps(convertible(schema))))


def convertible(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the plan schema with the changes above."""
    tasks = schema["properties"]["tasks"]
    [earlier] = tasks["prefixItems"][-1]["$defs"].values()
    written = schema["$defs"]["calls"]["$defs"] | {"earlier": {"enum": earlier["enum"]}}
    definitions = {name: _without_bounds(part) for name, part in written.items()}
    later = {
        "type": "array",
        "items": {"$ref": "#/$defs/later"},
        "minItems": 1,
        "maxItems": tasks["maxItems"],
    }
    return {"type": "object", "properties": {"tasks": later}, "required": ["tasks"], "$defs": definitions}


def _without_bounds(part: object) -> object:
    if isinstance(part, Mapping):
        if part.get("type") == "string":
            return {"type": "string"}
        if "$dynamicRef" in part:
            return {"$ref": "#/$defs/earlier"}
        return {key: _without_bounds(value) for key, value in part.items() if key != "maxItems"}
    if isinstance(part, list):
        return [_without_bounds(each) for each in part]
    return part
