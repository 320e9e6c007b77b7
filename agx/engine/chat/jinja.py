"""The parts of jinja2 that are used, without the package around them, which loads caches and file loaders."""

from __future__ import annotations

from agx.util.imports import bare_package

with bare_package("jinja2"):
    from jinja2 import nodes
    from jinja2.compiler import CodeGenerator, Frame
    from jinja2.exceptions import TemplateError
    from jinja2.ext import Extension, loopcontrols
    from jinja2.filters import FILTERS
    from jinja2.parser import Parser
    from jinja2.runtime import Context
    from jinja2.sandbox import ImmutableSandboxedEnvironment
    from jinja2.visitor import NodeTransformer

__all__ = [
    "FILTERS",
    "CodeGenerator",
    "Context",
    "Extension",
    "Frame",
    "ImmutableSandboxedEnvironment",
    "NodeTransformer",
    "Parser",
    "TemplateError",
    "loopcontrols",
    "nodes",
]
