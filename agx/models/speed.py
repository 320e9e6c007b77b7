"""How long a plan takes with a model: estimated by its size, and by what was measured here. Pure.

A token of a prompt costs arithmetic, in which every weight takes part, and a part that does not grow with
the model. A token of an answer costs a read of all weights from memory. The constants are of one core of
two of a server's processor of 2023 (AVX-512, VNNI), on which SmolLM2-135M (Q4_1), Qwen2.5-Coder-0.5B and
-1.5B (Q4_K_M) took 3.6, 6.0 and 11.4 ms for a token of the prompt and 9, 33 and 86 ms for one of the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from agx.models.measured import Measurement

# A plan with Unix tools: what is new in its prompt, and its answer.
PROMPT_TOKENS = 260
ANSWER_TOKENS = 20
_CORE_FLOPS = 190e9
_TOKEN_SECS = 0.0068  # of the prompt, on one core, however small the model
_CORE_BYTES_PER_SEC = 6.5e9
_MEMORY_BYTES_PER_SEC = 50e9  # memory ends the growth with cores
# A lower mid-range graphics card; half of that for a GPU that shares the host's memory.
_GPU_FLOPS = 20e12
_GPU_BYTES_PER_SEC = 300e9


@dataclass(frozen=True, slots=True)
class Speed:
    """Seconds for a token of the prompt, and of the answer."""

    prompt_token_secs: float
    answer_token_secs: float

    @property
    def plan_secs(self) -> float:
        """The seconds for a plan of usual length."""
        return PROMPT_TOKENS * self.prompt_token_secs + ANSWER_TOKENS * self.answer_token_secs

    def times(self, factors: Speed) -> Speed:
        """Return the speed with each part multiplied."""
        return Speed(
            self.prompt_token_secs * factors.prompt_token_secs,
            self.answer_token_secs * factors.answer_token_secs,
        )


AS_ESTIMATED = Speed(1.0, 1.0)


def cpu_speed(*, active_parameters: float, active_bytes: float, cores: int) -> Speed:
    """Return the speed on a CPU of a model that passes so many parameters, in so many bytes, a token."""
    operations = 2 * active_parameters / (cores * _CORE_FLOPS)
    bytes_per_sec = min(cores * _CORE_BYTES_PER_SEC, _MEMORY_BYTES_PER_SEC)
    return Speed(operations + _TOKEN_SECS / cores, active_bytes / bytes_per_sec)


def gpu_speed(*, active_parameters: float, active_bytes: float, is_shared: bool) -> Speed:
    """Return the speed on a GPU, which may share the host's memory."""
    part = 0.5 if is_shared else 1.0
    return Speed(2 * active_parameters / (part * _GPU_FLOPS), active_bytes / (part * _GPU_BYTES_PER_SEC))


def calibration(measurements: Sequence[Measurement]) -> Speed:
    """Return by what estimates for this machine's CPU are multiplied, by what was measured on it.

    Models with experts are left out: how much of them a token passes is not known of their files.
    """
    measured = [each for each in measurements if each.device == "cpu" and each.is_dense]
    if not measured:
        return AS_ESTIMATED
    estimates = [
        cpu_speed(active_parameters=each.parameters, active_bytes=each.size_bytes, cores=max(1, each.cores))
        for each in measured
    ]
    pairs = list(zip(measured, estimates, strict=True))
    return Speed(
        median(one.prompt_token_secs / estimate.prompt_token_secs for one, estimate in pairs),
        median(one.answer_token_secs / estimate.answer_token_secs for one, estimate in pairs),
    )
