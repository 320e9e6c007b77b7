"""Chat templates that a user chooses: named ones that come with AGX, and files."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from agx.errors import UsageError

# The engine has the folder, since it needs one of them for models without a template.
_FOLDER = Path(__file__).resolve().parents[1] / "engine" / "chat" / "jinja_templates"
_MAX_BYTES = 1 << 18


def template_names() -> list[str]:
    """Return the names of the templates that come with AGX."""
    return sorted(path.stem for path in _FOLDER.glob("*.jinja"))


@lru_cache(maxsize=8)  # a pipe can be read only once
def chat_template(name: str) -> str:
    """Return the text of a template by its name or its file; raises `UsageError`.

    Names come first: a file called like one is written `./chatml`.
    """
    names = template_names()
    try:
        own = Path(name).expanduser() if name.startswith("~/") else Path(name)
        with (_FOLDER / f"{name}.jinja" if name in names else own).open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
        text = data.decode("utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        hint = f"give a file, or one of {', '.join(names)}"
        raise UsageError(f"there is no chat template {name}", hint=hint) from None
    except UnicodeDecodeError:
        raise UsageError(f"the chat template {name} is not UTF-8 text", hint="save it as UTF-8") from None
    except (OSError, ValueError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        hint = "check the file's name and its rights"
        raise UsageError(f"the chat template {name} cannot be read: {reason}", hint=hint) from error
    if len(data) > _MAX_BYTES:
        raise UsageError(f"the chat template {name} is larger than {_MAX_BYTES >> 10} KiB")
    if not text.strip():
        raise UsageError(f"the chat template {name} is empty", hint="give a file that has one")
    return text
