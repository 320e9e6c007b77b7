"""Which chat template a model's prompts are written by, and what there is to say of it."""

from __future__ import annotations

from agx.engine.chat.templates import ChatTemplate


def chosen_template(
    source: str | None, *, model: object, bos_text: str, eos_text: str
) -> tuple[ChatTemplate, list[str]]:
    """Return the template of a source, or ChatML where there is none, and warnings; `model` names the model.

    Raises `TemplateError`.
    """
    warnings = []
    if source is None:
        warnings.append(
            f"{model} has no chat template; its prompts are written as ChatML "
            "(--chat-template FILE or NAME chooses another one)"
        )
    template = ChatTemplate(source, bos_text=bos_text, eos_text=eos_text)
    if template.missing:
        names = ", ".join(map(str, template.missing[:5]))
        warnings.append(
            f"the chat template uses what AGX does not have: {names}; "
            "where a prompt needs it, writing the prompt fails"
        )
    return template, warnings
