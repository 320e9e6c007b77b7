"""How schemas of all kinds fare as those of tools.

Each schema is read as that of a tool, and plans of one task are drawn at random from its constraint and
checked as a plan is. Printed are how many schemas are refused and why, how many texts fit at once, how many
that the check takes `jsonschema` refuses (with formats), and the longest times.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from jsonschema import Draft202012Validator, SchemaError
from jsonschema.protocols import Validator
from jsonschema.validators import validator_for

from agx.app.registries import registry_of
from agx.errors import PlanInvalid, RegistryInvalid
from agx.grammar.constraint import ConstraintCompiler
from agx.grammar.llguidance import LLTokenizer
from agx.grammar.plan_schema import PlanLimits, plan_schema
from agx.plan.tools import Registry
from agx.rules.check import read_plan
from scripts.measure.random_texts import random_walk
from scripts.measure.schema_kinds import named_schemas

_LIMITS = PlanLimits(max_tasks=1)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a schema: why it was refused, or what its texts are.

    `taken` are the arguments that the check takes, `refused` says what it has against others, and `wrong`
    are those taken that `jsonschema` refuses.
    """

    name: str
    reason: str = ""
    warnings: tuple[str, ...] = ()
    taken: tuple[Mapping[str, Any], ...] = ()
    refused: tuple[str, ...] = ()
    wrong: tuple[Mapping[str, Any], ...] = ()
    read_secs: float = 0.0
    compile_secs: float = 0.0


def outcome(name: str, schema: Mapping[str, Any], *, num_texts: int) -> Outcome:
    """Return what becomes of a schema and of texts drawn from its constraint."""
    started = time.perf_counter()
    try:
        registry = registry_of([{"name": "x", "schema": schema}], strict=True)
    except RegistryInvalid as error:
        return Outcome(name, reason=error.message, read_secs=time.perf_counter() - started)
    read_secs = time.perf_counter() - started
    started = time.perf_counter()
    compiler = ConstraintCompiler(LLTokenizer("byte"))
    written = plan_schema(tuple(registry), _LIMITS)
    compiler.compile(written)
    compile_secs = time.perf_counter() - started
    texts = [random_walk(compiler.compile(written), Random(seed)) for seed in range(num_texts)]
    taken, refused = _checked(texts, registry)
    validators = oracles(schema, registry)
    wrong = [each for each in taken if not all(validator.is_valid(each) for validator in validators)]
    return Outcome(
        name, "", registry.warnings, tuple(taken), tuple(refused), tuple(wrong), read_secs, compile_secs
    )


def _checked(texts: Iterable[str], registry: Registry) -> tuple[list[Mapping[str, Any]], list[str]]:
    """Return the arguments in texts that the check takes, and what it says of the others."""
    taken: list[Mapping[str, Any]] = []
    refused: list[str] = []
    for text in texts:
        try:
            plan, _ = read_plan(text, registry)
        except PlanInvalid as error:
            refused.append(f"{error.message}: {text}")
        else:
            assert plan.tasks[0].arguments is not None, "the tool is a function"
            taken.append(plan.tasks[0].arguments)
    return taken, refused


def oracles(schema: Mapping[str, Any], registry: Registry) -> list[Validator]:
    """Return `jsonschema`'s validators of a schema as it was read, and as it was given where that is one."""
    read = registry.tools["x"].schema
    assert read is not None, "the tool is a function"
    found: list[Validator] = [Draft202012Validator(read, format_checker=Draft202012Validator.FORMAT_CHECKER)]
    kind = validator_for(schema, default=Draft202012Validator)
    try:
        kind.check_schema(dict(schema))
    except SchemaError:
        return found
    # Null is what OpenAPI's own keyword adds, and what is no draft of JSON Schema.
    if '"nullable"' not in json.dumps(schema):
        found.append(kind(dict(schema), format_checker=kind.FORMAT_CHECKER))
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="scripts/measure-schemas", description=__doc__)
    parser.add_argument("--texts", type=int, default=20, help="texts a schema")
    parser.add_argument("--all", action="store_true", help="say what the check has against each text")
    options = parser.parse_args()
    outcomes = [outcome(name, schema, num_texts=options.texts) for name, schema in named_schemas()]
    refused = [each for each in outcomes if each.reason]
    for each in refused:
        print(f"refused: {each.name}: {each.reason}")
    misfits = Counter(each.name for each in outcomes for _ in each.refused)
    num_taken = sum(len(each.taken) for each in outcomes)
    for name, number in misfits.most_common(None if options.all else 10):
        print(f"{number:5} of {options.texts} texts do not fit: {name}")
    for each in outcomes:
        for text in each.wrong:
            print(f"wrong: {each.name}: {text}")
        for said in each.refused if options.all else ():
            print(f"{each.name}: {said}")
    slowest = max(outcomes, key=lambda each: each.read_secs)
    print(f"{len(outcomes)} schemas, {len(refused)} refused ({len(refused) / len(outcomes):.1%})")
    print(f"{sum(1 for each in outcomes if each.warnings)} with a warning")
    print(f"{num_taken} texts taken, {sum(misfits.values())} refused by the check")
    print(f"{sum(len(each.wrong) for each in outcomes)} taken that jsonschema refuses")
    print(f"slowest to read: {slowest.read_secs:.3f} s ({slowest.name})")
    print(f"slowest to compile: {max(each.compile_secs for each in outcomes):.3f} s")


if __name__ == "__main__":
    main()
