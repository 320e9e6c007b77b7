"""The commands of a group, each imported when it is the one to run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from importlib import import_module

import click

from agx.cli.signals import left_at_once


class LazyCommands(MutableMapping[str, click.Command]):
    """Commands by their names, of which `homes` says where each is: `module:attribute`."""

    def __init__(self, homes: Mapping[str, str]) -> None:
        self._commands: dict[str, click.Command | str] = dict(homes)

    def __getitem__(self, name: str) -> click.Command:
        found = self._commands[name]
        if isinstance(found, click.Command):
            return found
        module, _, attribute = found.partition(":")
        with left_at_once():
            command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command), name
        self[name] = command
        return command

    def __setitem__(self, name: str, command: click.Command) -> None:
        self._commands[name] = command

    def __delitem__(self, name: str) -> None:
        del self._commands[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._commands)

    def __len__(self) -> int:
        return len(self._commands)
