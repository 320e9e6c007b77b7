"""jinja2's sandbox, with every operation bounded that could make text, lists or numbers grow.

A template may come from anywhere. The sandbox of jinja2 keeps it from Python's internals; this module
keeps it from using up memory, or minutes, in one step: `x * 10**9`, a text doubled forty times, a list of
two references to a list of two references and so on. So the operands of an operator, a literal, a filter
or a call are weighed first and the result is counted. What real chat templates do not use is left out.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn

from agx.engine.chat.bounds import (
    Ledger,
    LimitExceeded,
    check_power,
    check_product,
    check_weight,
    weighed,
    weight_of,
)
from agx.engine.chat.filters import METHOD_CHECKS, REPLACED_METHODS, TEXT_METHODS, bounded_filters, joined
from agx.engine.chat.jinja import (
    CodeGenerator,
    Context,
    Extension,
    Frame,
    ImmutableSandboxedEnvironment,
    NodeTransformer,
    Parser,
    TemplateError,
    loopcontrols,
    nodes,
)

# Names of filters that only the template compiler writes.
_CONCATENATE, _WEIGHED = "agx_concatenate", "agx_weighed"
_ADDED_BY_JINJA = ("_loop_vars", "_block_vars")


class _Unfolded(CodeGenerator):
    """Keeps the compiler from folding constants: computing is left to rendering, where the limits hold."""

    def _output_child_to_const(self, node: nodes.Expr, frame: Frame, finalize: Any) -> str:  # noqa: ANN401 - jinja2's own
        if not isinstance(node, (nodes.TemplateData, nodes.Const)):
            raise nodes.Impossible
        return super()._output_child_to_const(node, frame, finalize)


class BoundedEnvironment(ImmutableSandboxedEnvironment):
    """An environment as Hugging Face's chat templates expect it, with the bounds; see the module.

    `ledger` counts what is made; each rendering begins with a new one.
    """

    intercepted_binops = frozenset({"+", "*", "**", "%"})
    code_generator_class = _Unfolded

    def __init__(self) -> None:
        super().__init__(
            trim_blocks=True,
            lstrip_blocks=True,
            optimized=False,  # folding constants would run filters outside the time limit
            finalize=weighed,
            extensions=[loopcontrols, _Generation],
        )
        self.ledger = Ledger()
        del self.globals["lipsum"]
        filters = bounded_filters() | {_CONCATENATE: joined, _WEIGHED: weighed}
        self.filters = {name: self._bounded(function) for name, function in filters.items()}
        # What blocks and macros join their pieces with.
        self.concat = self._concatenate  # type: ignore[method-assign]  # as jinja2 means it to be set

    def _generate(
        self,
        source: nodes.Template,
        name: str | None,
        filename: str | None,
        defer_init: bool = False,  # noqa: FBT001, FBT002 - jinja2's signature
    ) -> str:
        return super()._generate(_Bounding().visit(source), name, filename, defer_init)

    def is_safe_attribute(self, obj: object, attr: str, value: object) -> bool:
        """Allow what the sandbox allows, but only those methods of texts that templates use."""
        if isinstance(obj, str):
            return attr in TEXT_METHODS
        return not isinstance(obj, (int, float, bytes)) and super().is_safe_attribute(obj, attr, value)

    def unsafe_undefined(self, obj: object, attribute: str) -> NoReturn:
        """Raise the error at once that jinja2 would raise when the value is used."""
        raise TemplateError(f"it asks for the attribute {attribute!r} of {type(obj).__name__!r}")

    def wrap_str_format(self, value: object) -> None:
        """Leave `format` of a text to `is_safe_attribute`: its widths have no limit."""

    def call(self, context: Context, obj: object, /, *args: object, **kwargs: object) -> object:
        """Call as the sandbox does, with weighed arguments and bounded methods of texts."""
        given = {name: value for name, value in kwargs.items() if name not in _ADDED_BY_JINJA}
        weighed([*args, given])
        owner, name = getattr(obj, "__self__", None), getattr(obj, "__name__", "")
        if isinstance(owner, str) and name in REPLACED_METHODS:
            return self._counted(REPLACED_METHODS[name](owner, *args, **given))
        if isinstance(owner, str) and name in METHOD_CHECKS:
            METHOD_CHECKS[name](owner, *args, **given)
        return self._counted(super().call(context, obj, *args, **kwargs))

    def call_binop(self, context: Context, operator: str, left: object, right: object) -> object:
        """Compute, unless the result would be too large."""
        if operator == "+" and isinstance(left, (str, Sequence)):
            check_weight(weight_of(left) + weight_of(right))
        elif operator == "*":
            check_product(left, right)
        elif operator == "**":
            check_power(left, right)
        elif operator == "%" and isinstance(left, (str, bytes)):
            raise LimitExceeded("it formats text with %, which chat templates may not")
        return self._counted(super().call_binop(context, operator, left, right))

    def _bounded(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)  # keeps jinja2's marks on the function
        def bounded(*args: object, **kwargs: object) -> object:
            for value in (*args, *kwargs.values()):
                weighed(value)
            return self._counted(function(*args, **kwargs))

        return bounded

    def _concatenate(self, parts: Iterable[Any]) -> str:
        return str(self._counted(joined(parts)))

    def _counted(self, value: object) -> object:
        self.ledger.count(value)
        return value


class _Generation(Extension):
    """`{% generation %}` marks the assistant's text for training; here it is its content."""

    tags = {"generation"}  # noqa: RUF012 - jinja2's own declaration

    def parse(self, parser: Parser) -> list[nodes.Node]:
        """Return what stands between the tags."""
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


class _Bounding(NodeTransformer):
    """Passes through filters what has no other hook in jinja2.

    That is `a ~ b`, nested literals, slices, and the `*a` of calls.
    """

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802 - the visitor's naming
        """Replace `a ~ b`."""
        self.generic_visit(node)
        return _filtered(nodes.List(node.nodes, lineno=node.lineno), _CONCATENATE)

    def visit_List(self, node: nodes.List) -> nodes.Node:  # noqa: N802 - the visitor's naming
        """Weigh a list."""
        return _filtered(self.generic_visit(node), _WEIGHED)

    def visit_Dict(self, node: nodes.Dict) -> nodes.Node:  # noqa: N802 - the visitor's naming
        """Weigh a dictionary."""
        return _filtered(self.generic_visit(node), _WEIGHED)

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Node:  # noqa: N802 - the visitor's naming
        """Weigh a tuple, unless names are assigned by it."""
        self.generic_visit(node)
        return _filtered(node, _WEIGHED) if node.ctx == "load" else node

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:  # noqa: N802 - the visitor's naming
        """Weigh a slice, which is a copy."""
        self.generic_visit(node)
        return _filtered(node, _WEIGHED) if isinstance(node.arg, nodes.Slice) else node

    def visit_Call(self, node: nodes.Call) -> nodes.Node:  # noqa: N802 - the visitor's naming
        """Make a list of `*a`, as the filter does."""
        return self._with_listed(node)

    def visit_Filter(self, node: nodes.Filter) -> nodes.Node:  # noqa: N802 - the visitor's naming
        """Make a list of `*a`, as the filter does."""
        return self._with_listed(node)

    def visit_Test(self, node: nodes.Test) -> nodes.Node:  # noqa: N802 - the visitor's naming
        """Make a list of `*a`, as the filter does."""
        return self._with_listed(node)

    def _with_listed(self, node: nodes.Call | nodes.Filter | nodes.Test) -> nodes.Node:
        self.generic_visit(node)
        if node.dyn_args is not None:
            node.dyn_args = _filtered(node.dyn_args, "list")
        return node


def _filtered(node: nodes.Expr | nodes.Node, name: str) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)
