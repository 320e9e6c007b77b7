"""How long a server that generates text is waited for, and how much is read of it: the same for all kinds."""

from __future__ import annotations

from agx.util.frozen import dataclass

# What an answer that comes in one piece may take: a list of models, a model's facts, embeddings.
MAX_BODY_BYTES = 64 << 20
# One line of a stream carries one token, with its probabilities where those were asked for.
MAX_LINE_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """How long a server is waited for, in seconds, whatever the request's own time limit.

    `first_secs` is for the first piece of an answer, before which a server loads the model and reads the
    whole prompt; `between_secs` is for each further one; `answer_secs` for what comes in one piece.
    """

    connect_secs: float = 10.0
    first_secs: float = 600.0
    between_secs: float = 120.0
    answer_secs: float = 30.0
