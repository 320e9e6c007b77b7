"""Drawing tokens with torch, in the order and with the meanings of llama.cpp's samplers.

The penalties come first, over the last tokens that were generated; then top-k, top-p and min-p cut
off by the model's own probabilities; the temperature comes last. `agx.engine.sampling` says when a mask may
come after a first draw.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Any

from agx.requests import Parameters

_PENALTY_WINDOW_TOKENS = 64


class TorchSampler:
    """Draws the tokens of one generation; the same parameters, seed and logits give the same tokens."""

    def __init__(self, torch: Any, parameters: Parameters, *, seed: int) -> None:  # noqa: ANN401  see libraries
        self._torch = torch
        self._parameters = parameters
        self._penalises = parameters.penalises
        self.masks_first = parameters.truncates or self._penalises
        self._recent: deque[int] = deque(maxlen=_PENALTY_WINDOW_TOKENS)
        self._random = torch.Generator().manual_seed(seed)
        self._rows: Any = None

    def read(self, source: Any) -> None:  # noqa: ANN401  a tensor of float32 on the CPU, (row, token)
        """Draw from these logits from now on."""
        self._rows = source

    def draw(self, row: int) -> int:
        """Draw from the model's own distribution."""
        return self._drawn(self._rows[row])

    def draw_masked(self, row: int, mask: bytes) -> int:
        """Draw among the tokens whose byte in the mask is not 0."""
        allowed = self._torch.frombuffer(bytearray(mask), dtype=self._torch.uint8) != 0
        logits = self._rows[row]
        missing = len(logits) - len(allowed)
        if missing > 0:
            allowed = self._torch.nn.functional.pad(allowed, (0, missing), value=False)
        return self._drawn(logits.masked_fill(~allowed[: len(logits)], -math.inf))

    def logit(self, row: int, token: int) -> float:
        """Return the model's own logit of a token."""
        return float(self._rows[row, token])

    def accept(self, token: int) -> None:
        """Count a token that was not drawn here for the penalties."""
        self._recent.append(token)

    def forget(self) -> None:
        """Forget what was drawn: the answer may repeat the reasoning without a penalty."""
        self._recent.clear()

    def close(self) -> None:
        """Let the logits go."""
        self._rows = None

    def _drawn(self, logits: Any) -> int:  # noqa: ANN401  as above
        logits = self._penalised(logits)
        if self._parameters.is_greedy:
            token = int(logits.argmax())
        else:
            tokens, kept = self._cut(logits)
            probabilities = self._torch.softmax(kept / self._parameters.temperature, dim=-1)
            if not bool(self._torch.isfinite(probabilities).all()):
                return int(logits.argmax())  # the caller refuses a logit that is not a number
            place = self._torch.multinomial(probabilities, 1, generator=self._random)
            token = int(tokens[place])
        self.accept(token)
        return token

    def _penalised(self, logits: Any) -> Any:  # noqa: ANN401  as above
        if not self._penalises or not self._recent:
            return logits
        recent, counts = self._torch.unique(self._torch.tensor(list(self._recent)), return_counts=True)
        found, parameters = logits[recent], self._parameters
        repeat = parameters.repeat_penalty
        found = self._torch.where(found > 0, found / repeat, found * repeat)
        logits = logits.clone()
        logits[recent] = found - counts * parameters.frequency_penalty - parameters.presence_penalty
        return logits

    def _cut(self, logits: Any) -> tuple[Any, Any]:  # noqa: ANN401  as above
        """Return the tokens that may be drawn and their logits, the likeliest first; at least one."""
        parameters = self._parameters
        if not parameters.truncates:
            return self._torch.arange(len(logits)), logits
        kept, tokens = self._torch.sort(logits, descending=True, stable=True)
        if 0 < parameters.top_k < len(kept):
            kept, tokens = kept[: parameters.top_k], tokens[: parameters.top_k]
        if parameters.top_p < 1.0:
            before = self._torch.softmax(kept, dim=-1).cumsum(dim=-1).roll(1)
            before[0] = 0.0
            kept, tokens = kept[before < parameters.top_p], tokens[before < parameters.top_p]
        if parameters.min_p > 0.0:
            is_likely = kept >= kept[0] + math.log(parameters.min_p)
            kept, tokens = kept[is_likely], tokens[is_likely]
        return tokens, kept
