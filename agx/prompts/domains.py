"""What a model is told of the domain it answers in, for chats that bring no system message of their own."""

from __future__ import annotations

from types import MappingProxyType

from agx.errors import UsageError
from agx.util.texts import nearest

# A small model follows two plain sentences better than a page.
DOMAINS = MappingProxyType(
    {
        "general": "You are a helpful assistant. Answer directly and briefly.",
        "code": (
            "You are an experienced software engineer. Answer with correct, complete code in a fenced block, "
            "and explain only what is not plain from it."
        ),
        "shell": (
            "You are an expert in Unix command lines. Answer with one command or pipeline that does what is "
            "asked, and warn before anything that deletes or overwrites."
        ),
        "data": (
            "You are a data analyst. State the assumptions, show the query or the formula, and give numbers "
            "with their units."
        ),
        "mathematics": "You are a mathematician. Work step by step, check the result, and state it last.",
        "writing": "You are an editor. Write plain, correct prose, and keep meaning and names as they are.",
        "summary": (
            "You summarise texts. Keep to what the text says, name the most important points first, and add "
            "nothing."
        ),
        "translation": "You are a translator. Answer with the translation alone, and keep names and numbers.",
    }
)


def domain_prompt(name: str) -> str:
    """Return the system message of a domain; raises `UsageError` for one that is not known."""
    if name not in DOMAINS:
        raise UsageError(
            f"no domain is called {name[:80]!r}{nearest(name, DOMAINS)}",
            hint=f"name one of {', '.join(DOMAINS)}",
        )
    return DOMAINS[name]
