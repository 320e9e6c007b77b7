"""What a setting is, and how a value for it is read and checked, whatever layer it comes from.

A setting has one name everywhere: `max_tokens` is the key in agx.toml, `AGX_MAX_TOKENS` in the
environment and `--max-tokens` on the command line, save where its row says otherwise.
"""

from __future__ import annotations

from typing import Literal

from agx.errors import ConfigError
from agx.requests import Range
from agx.util.frozen import dataclass

Kind = Literal["choice", "text", "integer", "number", "names"]
SettingValue = str | int | float | tuple[str, ...] | None

_ARTICLES: dict[Kind, str] = {"integer": "a whole number", "number": "a number", "text": "a text"}


@dataclass(frozen=True, slots=True)
class Setting:
    """One row. `range` is that of a number.

    `option` is the command line's name where it is not the usual one. `aliases` are further names
    of the environment variable, `synonyms` other words for a choice. `is_order` says that several of the
    choices may be given, with commas between them. `named` are choices that may have a colon and a name
    behind them.
    """

    name: str
    kind: Kind
    default: SettingValue
    help: str
    choices: tuple[str, ...] = ()
    range: Range | None = None
    option: str = ""
    aliases: tuple[str, ...] = ()
    synonyms: tuple[tuple[str, str], ...] = ()
    is_order: bool = False
    named: tuple[str, ...] = ()

    @property
    def flag(self) -> str:
        """The option on the command line."""
        return self.option or "--" + self.name.replace("_", "-")

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variables that set it, the strongest first."""
        return (f"AGX_{self.name.upper()}", *self.aliases)

    @property
    def allowed(self) -> str:
        """The values it takes, in words."""
        if self.kind == "choice":
            several = ", or several of them in order with commas between" if self.is_order else ""
            words = (*self.choices, *(f"{word}:NAME" for word in self.named))
            return "one of " + ", ".join(words) + several
        if self.kind == "names":
            return "a list of names; in one text there are commas between them"
        return f"{_ARTICLES[self.kind]} {self.range or 'without control characters'}"

    def from_text(self, text: str, *, origin: str) -> SettingValue:
        """Read a value from an option or a variable; raises `ConfigError` where it does not fit."""
        raw: object = text.strip() if self.kind == "choice" else text
        try:
            if self.kind == "integer":
                raw = int(text)
            elif self.kind == "number":
                raw = float(text)
        except ValueError:
            raise self._misfit(text, origin) from None
        return self.checked(raw, origin=origin)

    def checked(self, raw: object, *, origin: str) -> SettingValue:
        """Return the value back when it has the right type and range; raises `ConfigError`."""
        if isinstance(raw, bool) and "on" in self.choices:
            return "on" if raw else "off"
        if isinstance(raw, str) and self.kind in {"choice", "text"}:
            return self._checked_text(raw, origin)
        if self.kind == "names":
            return self._checked_names(raw, origin)
        if isinstance(raw, int | float) and not isinstance(raw, bool):
            if self.kind == "integer" and isinstance(raw, int) and (self.range is None or raw in self.range):
                return raw
            if self.kind == "number" and (self.range is None or raw in self.range):
                return float(raw)
        raise self._misfit(raw, origin)

    def _checked_text(self, raw: str, origin: str) -> str:
        if self.kind == "text":
            if raw and raw.isprintable():
                return raw
            raise self._misfit(raw, origin)
        given = [word.strip() for word in raw.split(",")] if self.is_order else [raw]
        words = [self._checked_word(word) for word in given]
        if None in words:
            raise self._misfit(raw, origin)
        return ",".join(dict.fromkeys(filter(None, words)))

    def _checked_word(self, given: str) -> str | None:
        """Return a choice in its usual form, with its name where it has one; None for what is none."""
        first, colon, name = given.partition(":")
        word = dict(self.synonyms).get(first.lower(), first.lower())
        has_fitting_name = not colon or (word in self.named and name.isprintable() and name != "")
        return word + colon + name if word in self.choices and has_fitting_name else None

    def _checked_names(self, raw: object, origin: str) -> tuple[str, ...]:
        names = raw.split(",") if isinstance(raw, str) else raw
        if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
            raise self._misfit(raw, origin)
        names = [name.strip() for name in names]
        if not all(name and name.isprintable() for name in names):
            raise self._misfit(raw, origin)
        return tuple(dict.fromkeys(names))

    def _misfit(self, raw: object, origin: str) -> ConfigError:
        try:
            shown = repr(raw)
        except ValueError:  # Python writes no number of more than some thousand digits
            shown = "a number of thousands of digits"
        shown = shown if len(shown) <= 80 else shown[:77] + "..."
        return ConfigError(
            f"{self.name} cannot be {shown} ({origin})",
            hint=f"{self.name} is {self.allowed}",
            setting=self.name,
            origin=origin,
        )
