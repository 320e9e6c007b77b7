"""The report of an evaluation: values with intervals, macro averages, a table by first utility."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agx.errors import AgxError
from agx.evaluate.cases import Case
from agx.evaluate.intervals import Interval, bootstrap, ratio
from agx.evaluate.metrics import UNSCORED, Part, Score, Tasks, comparable
from agx.plan.schema import PlanMetadata

TABLE_HEADER = ("metric", "value", "95 % interval", "by utility", "95 % interval", "cases")
_LABELS = {
    "first_command": "first command",
    "template_accuracy": "template accuracy",
    "utility_f1": "utility F1",
    "edge_f1": "edge F1",
}
_NONE = "-"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one case: its scores, and the plan or the error in its place."""

    case: Case
    score: Score
    is_right: bool
    plan: Tasks | None = None
    error: AgxError | None = None
    metadata: PlanMetadata | None = None

    @property
    def is_failure(self) -> bool:
        """Whether there is no plan, or one that equals none of the references."""
        return self.error is not None or (bool(self.case.references) and not self.is_right)

    def as_dict(self) -> dict[str, Any]:
        """Return the case as in its file, with the outcome; it can be read as a case again."""
        data: dict[str, Any] = dict(self.case.source) | {"line": self.case.line}
        data["plan"] = None if self.plan is None else comparable(self.plan)
        if self.error is not None:
            data["error"] = self.error.as_dict()
        data["scores"] = {name: _rounded(ratio([part])) for name, part in self.score.items() if part[1]}
        return data


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its interval; None where nothing was measured."""

    value: float | None
    interval: Interval | None

    def as_dict(self) -> dict[str, float | None]:
        """Return the JSON form, rounded to significant digits."""
        low, high = (None, None) if self.interval is None else (self.interval.low, self.interval.high)
        return {"value": _rounded(self.value), "low": _rounded(low), "high": _rounded(high)}

    def as_cells(self) -> tuple[str, str]:
        """Return the value and the interval for a table."""
        if self.interval is None:
            return _cell(self.value), _NONE
        return _cell(self.value), f"{_cell(self.interval.low)} to {_cell(self.interval.high)}"


@dataclass(frozen=True, slots=True)
class MetricResult:
    """One metric over all cases (`overall`), and averaged over the first utilities (`macro`)."""

    name: str
    num_cases: int
    overall: Estimate
    macro: Estimate


@dataclass(frozen=True, slots=True)
class UtilityResult:
    """The metrics of the cases whose reference begins with one command."""

    name: str
    num_cases: int
    values: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Report:
    """The results of an evaluation.

    `not_scored` counts the cases without a reference that is a plan, by the first one's reason;
    `references_left_out` all such references; `errors` the cases without a plan, by error code.
    """

    num_cases: int
    num_scored: int
    metrics: tuple[MetricResult, ...]
    utilities: tuple[UtilityResult, ...]
    not_scored: Mapping[str, int]
    references_left_out: Mapping[str, int]
    errors: Mapping[str, int]
    failures: tuple[Outcome, ...]
    made_by: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form, in which failures are only counted; each has an `as_dict` of its own."""
        return {
            "cases": self.num_cases,
            "scored": self.num_scored,
            "not_scored": dict(self.not_scored),
            "references_left_out": dict(self.references_left_out),
            "errors": dict(self.errors),
            "failures": len(self.failures),
            "made_by": dict(self.made_by),
            "metrics": {
                metric.name: metric.overall.as_dict()
                | {"cases": metric.num_cases, "macro": metric.macro.as_dict()}
                for metric in self.metrics
            },
            "utilities": [
                {"utility": row.name, "cases": row.num_cases}
                | {name: _rounded(value) for name, value in row.values.items()}
                for row in self.utilities
            ],
        }

    def table_rows(self) -> list[tuple[str, ...]]:
        """Return a row for each metric, under `TABLE_HEADER`."""
        return [
            (label(m.name), *m.overall.as_cells(), *m.macro.as_cells(), str(m.num_cases))
            for m in self.metrics
        ]

    def utility_header(self) -> tuple[str, ...]:
        """Return the header of `utility_rows`."""
        return ("first utility", "cases", *(label(metric.name) for metric in self.metrics))

    def utility_rows(self) -> list[tuple[str, ...]]:
        """Return a row for each first utility, the commonest first."""
        return [
            (row.name, str(row.num_cases), *(_cell(value) for value in row.values.values()))
            for row in self.utilities
        ]


def label(name: str) -> str:
    """Return the words for a metric's name."""
    if name.startswith("nlc2cmd_at_"):
        return f"NLC2CMD@{name.rpartition('_')[2]}"
    return _LABELS.get(name, name)


def make_report(outcomes: Sequence[Outcome], names: Sequence[str]) -> Report:
    """Return the report of these outcomes, with the metrics of these names."""
    groups: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        if outcome.case.utility is not None:
            groups.setdefault(outcome.case.utility, []).append(outcome)
    utilities = tuple(
        UtilityResult(utility, len(group), {name: ratio(_parts(group, name)) for name in names})
        for utility, group in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    )
    cases = [outcome.case for outcome in outcomes]
    made_by = next((_made_by(o.metadata) for o in outcomes if o.metadata is not None), {})
    return Report(
        num_cases=len(cases),
        num_scored=sum(bool(case.references) for case in cases),
        metrics=_metrics(outcomes, utilities, names),
        utilities=utilities,
        not_scored=_counted(case.left_out[0] for case in cases if not case.references and case.left_out),
        references_left_out=_counted(reason for case in cases for reason in case.left_out),
        errors=_counted(outcome.error.code for outcome in outcomes if outcome.error is not None),
        failures=tuple(outcome for outcome in outcomes if outcome.is_failure),
        made_by=made_by,
    )


def _metrics(
    outcomes: Sequence[Outcome], utilities: Sequence[UtilityResult], names: Sequence[str]
) -> tuple[MetricResult, ...]:
    columns = [_parts(outcomes, name) for name in names]
    # A macro average is a mean over utilities, so its interval resamples utilities.
    macros = [[_macro_part(row.values[name]) for row in utilities] for name in names]
    overall = [
        Estimate(ratio(column), found) for column, found in zip(columns, bootstrap(columns), strict=True)
    ]
    macro = [Estimate(ratio(column), found) for column, found in zip(macros, bootstrap(macros), strict=True)]
    num_cases = [sum(part[1] > 0 for part in column) for column in columns]
    return tuple(MetricResult(*row) for row in zip(names, num_cases, overall, macro, strict=True))


def _parts(outcomes: Sequence[Outcome], name: str) -> list[Part]:
    return [outcome.score.get(name, UNSCORED) for outcome in outcomes]


def _macro_part(value: float | None) -> Part:
    return UNSCORED if value is None else (value, 1.0)


def _counted(names: Iterable[str]) -> dict[str, int]:
    return dict(Counter(names).most_common())


def _made_by(metadata: PlanMetadata) -> dict[str, Any]:
    keys = {"backend", "model", "model_sha256", "role", "device", "parameters", "build"}
    return metadata.model_dump(mode="json", include=keys)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _cell(value: float | None) -> str:
    return _NONE if value is None else f"{value:.3f}"
