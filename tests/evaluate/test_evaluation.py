"""Whole evaluations: a planner with a backend that plays a script."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from agx.backends.scripted import Reply, ScriptedBackend, ScriptedReply
from agx.errors import ModelMissing, UsageError, WorkerDied
from agx.evaluate.cases import Case, make_case
from agx.evaluate.evaluation import evaluate_delta, evaluate_planner
from agx.evaluate.report import TABLE_HEADER, Report
from agx.planning.config import ModelRole, PlannerConfig
from agx.planning.planner import Planner
from agx.shell.parse import parse_shell


def text(command: str) -> str:
    """Return what a model writes for a shell command."""
    return json.dumps({"tasks": [task.written() for task in parse_shell(command).tasks]})


def case(reference: object, instruction: str = "do it", **more: object) -> Case:
    """Return a case."""
    return make_case({"instruction": instruction, "reference": reference, **more})


async def report_of(cases: Sequence[Case], replies: Sequence[Reply], **options: Any) -> Report:
    """Evaluate the cases with a model that writes these replies."""
    async with Planner(PlannerConfig(seed=0), backend=ScriptedBackend(replies)) as planner:
        return await evaluate_planner(planner, cases, **options)


def values(report: Report) -> dict[str, float | None]:
    """Return the value of each metric."""
    return {metric.name: metric.overall.value for metric in report.metrics}


CASES = (
    case("ls -l"),
    case(["find . -name '*.rs'", "find . -type f"]),
    case("cat a.txt | wc -l"),
    case("grep -c x a.txt"),
    case("ls && date"),
)
REPLIES = (
    text("ls -l"),
    text("find . -type d"),
    text("cat b.txt | sort"),
    ScriptedReply('{"tasks": [', finish_reason="length"),
    text("ls"),
)


async def test_every_metric_over_a_whole_run() -> None:
    """Four scored cases, one of them without a plan, and one that is only planned."""
    report = await report_of(CASES, REPLIES)
    assert (report.num_cases, report.num_scored) == (5, 4)
    assert report.not_scored == report.references_left_out == {"several commands": 1}
    assert report.errors == {"PlanTruncated": 1}
    assert values(report) == pytest.approx(
        {
            "valid": 4 / 5,
            "exact": 1 / 4,
            "first_command": 3 / 4,
            "template_accuracy": 2 / 4,
            # ls; find; cat of (cat, sort) and (cat, wc); nothing of grep
            "utility_f1": 2 * 3 / (2 + 2 + 4 + 1),
            "edge_f1": 0.0,
            # 1; 1; cat is right and sort is not wc; no plan
            "nlc2cmd_at_1": (1 + 1 + 0 - 1) / 4,
        }
    )


async def test_macro_averages_are_over_first_utilities() -> None:
    """Three cases of `ls`, of which one is right, and one right case of `date`: 2/3, not 2/4."""
    cases = [case("ls"), case("ls -l"), case("ls -a"), case("date")]
    report = await report_of(cases, [text("ls"), text("ls"), text("ls"), text("date")])
    exact = next(metric for metric in report.metrics if metric.name == "exact")
    assert exact.overall.value == 2 / 4
    assert exact.macro.value == pytest.approx((1 / 3 + 1) / 2)
    assert [(row.name, row.num_cases, row.values["exact"]) for row in report.utilities] == [
        ("ls", 3, pytest.approx(1 / 3)),
        ("date", 1, 1.0),
    ]


async def test_every_value_lies_in_its_interval() -> None:
    """Overall and macro; where there was nothing to measure there is no interval."""
    report = await report_of(CASES, REPLIES)
    for metric in report.metrics:
        for estimate in (metric.overall, metric.macro):
            assert estimate.value is not None
            assert estimate.interval is not None
            assert estimate.interval.low <= estimate.value <= estimate.interval.high


async def test_failures_can_be_read_as_cases_again() -> None:
    """A failure is a case that was not right or had no plan, with what came of it."""
    report = await report_of(CASES, REPLIES)
    rows = [json.loads(json.dumps(failure.as_dict())) for failure in report.failures]
    assert [row["reference"] for row in rows] == [
        ["find . -name '*.rs'", "find . -type f"],
        "cat a.txt | wc -l",
        "grep -c x a.txt",
    ]
    assert [make_case(row).references for row in rows] == [c.references for c in CASES[1:4]]
    assert rows[0]["plan"] == [{"command": "find", "args": [".", "-type", "d"]}]
    assert rows[0]["scores"]["template_accuracy"] == 1.0
    assert rows[2]["plan"] is None
    assert rows[2]["error"]["code"] == "PlanTruncated"


async def test_the_report_as_data_and_as_rows() -> None:
    """Everything is JSON, and every row has a cell for each column."""
    report = await report_of(CASES, REPLIES)
    data = json.loads(json.dumps(report.as_dict()))
    assert data["metrics"]["exact"]["value"] == 0.25
    assert set(data["metrics"]["exact"]) == {"value", "low", "high", "cases", "macro"}
    assert (data["cases"], data["scored"], data["failures"]) == (5, 4, 3)
    assert data["utilities"][0]["utility"] == "cat"
    assert data["made_by"]["model"] == "scripted"
    assert {len(row) for row in report.table_rows()} == {len(TABLE_HEADER)}
    assert {len(row) for row in report.utility_rows()} == {len(report.utility_header())}
    assert report.table_rows()[1][:2] == ("exact", "0.250")


async def test_without_edges_there_is_no_edge_f1() -> None:
    """Nothing to measure is no zero."""
    report = await report_of([case("ls")], [text("ls")])
    assert values(report)["edge_f1"] is None
    assert report.as_dict()["metrics"]["edge_f1"]["low"] is None
    assert ("edge F1", "-", "-", "-", "-", "0") in report.table_rows()


async def test_when_nothing_can_be_scored_valid_is_all_there_is() -> None:
    """The report stays whole."""
    report = await report_of([case("a; b")], [text("ls")])
    assert values(report)["valid"] == 1.0
    assert values(report)["exact"] is None
    assert not report.utilities
    assert not report.failures


async def test_errors_of_a_case_are_counted_and_those_of_the_set_up_are_raised() -> None:
    """A dead worker is one case lost; a missing model would lose every case alike."""
    report = await report_of([case("ls"), case("ls")], [WorkerDied("it ended"), text("nonsense")])
    assert report.errors == {"WorkerDied": 1, "PlanInvalid": 1}
    with pytest.raises(ModelMissing):
        await report_of([case("ls")], [ModelMissing("no such file")])


async def test_progress_is_told_after_each_case() -> None:
    """Done so far, and all."""
    seen: list[tuple[int, int]] = []
    await report_of(CASES, REPLIES, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(number, 5) for number in range(1, 6)]


async def test_candidates_are_distinct_sampled_by_seed_and_the_best_counts() -> None:
    """The greedy plan first; repeats and failures are no candidates."""
    replies = [text("pwd"), text("pwd"), text("ls -a"), '{"tasks": []}', text("ls"), text("wc"), text("cat")]
    backend = ScriptedBackend(replies)
    async with Planner(PlannerConfig(seed=9), backend=backend) as planner:
        report = await evaluate_planner(planner, [case("ls")], candidates=5)
    assert values(report)["nlc2cmd_at_1"] == -1.0
    assert values(report)["nlc2cmd_at_5"] == 1.0
    assert [request.seed for request in backend.requests] == [9, 1, 2, 3, 4, 5, 6]
    assert [request.parameters.temperature for request in backend.requests] == [0.0] + [1.0] * 6
    assert report.table_rows()[-1][0] == "NLC2CMD@5"


async def test_candidates_end_after_twelve_tries() -> None:
    """A model that always writes the same is not asked for ever."""
    backend = ScriptedBackend([text("pwd")] * 13)
    async with Planner(PlannerConfig(), backend=backend) as planner:
        report = await evaluate_planner(planner, [case("ls")], candidates=5)
    assert len(backend.requests) == 12
    assert values(report)["nlc2cmd_at_5"] == -1.0


async def test_a_failed_greedy_plan_can_have_candidates() -> None:
    """The case has failed all the same."""
    report = await report_of([case("ls")], ["?", text("ls"), text("ls")], candidates=1)
    assert (values(report)["valid"], report.errors) == (0.0, {"PlanInvalid": 1})
    report = await report_of([case("ls")], ["?", *[text("ls")] * 11], candidates=5)
    assert (values(report)["valid"], values(report)["nlc2cmd_at_5"]) == (0.0, 1.0)


WRITTEN = {"ls": [{"command": "ls"}], "pwd": [{"command": "pwd"}]}


async def test_delta_repairs_keeps_and_breaks() -> None:
    """Of three wrong drafts one is repaired; of three right ones one is kept, one changed, one lost."""
    wrong, right = {"draft": WRITTEN["pwd"]}, {"draft": {"tasks": WRITTEN["ls"]}}
    cases = [case("ls", **draft) for draft in (wrong, wrong, wrong, right, right, right)]
    replies = [text("ls"), text("pwd"), "?", text("ls"), text("ls -l"), "?"]
    report = await report_of(cases, replies)
    assert values(report) == pytest.approx(
        {"valid": 4 / 6, "repaired": 1 / 3, "kept": 1 / 3, "broken": 2 / 3}
    )
    assert [metric.num_cases for metric in report.metrics] == [6, 3, 3, 3]
    assert report.errors == {"PlanInvalid": 2}
    assert len(report.failures) == 4
    assert report.made_by["role"] == "delta"


async def test_a_right_draft_may_become_another_right_plan() -> None:
    """It is kept, since a reference says that it is right."""
    report = await report_of([case(["ls", "pwd"], draft=WRITTEN["ls"])], [text("pwd")])
    assert (values(report)["kept"], values(report)["broken"]) == (1.0, 0.0)
    assert values(report)["repaired"] is None


async def test_a_plan_a_draft_and_a_reference_with_a_lone_uniq_are_the_same() -> None:
    """All three are compared in the form that plans come back in."""
    draft = json.loads(text("cat a | uniq -c"))
    report = await report_of([case("cat a | sort | uniq -c", draft=draft)], [text("cat a | uniq -c")])
    assert (values(report)["kept"], values(report)["broken"]) == (1.0, 0.0)
    report = await report_of([case("cat a | uniq -c")], [text("cat a | sort | uniq -c")])
    assert values(report)["exact"] == 1.0


async def test_drafts_of_unknown_tools_and_drafts_that_are_no_plans_are_wrong() -> None:
    """The first is for Delta to mend; the second never reaches a model."""
    cases = [case("ls", draft=[{"command": "lss"}]), case("ls", draft="no plan at all")]
    report = await report_of(cases, [text("ls")])
    assert values(report)["repaired"] == 0.5
    assert report.errors == {"PlanInvalid": 1}


async def test_what_cannot_be_evaluated_is_refused() -> None:
    """Candidates out of range or for drafts, Delta without drafts."""
    drafted = case("ls", draft=WRITTEN["ls"])
    with pytest.raises(UsageError, match="6 candidates"):
        await report_of([case("ls")], [], candidates=6)
    with pytest.raises(UsageError, match="one plan each"):
        await report_of([drafted], [], candidates=5)
    async with Planner(PlannerConfig(role=ModelRole.DELTA), backend=ScriptedBackend([])) as planner:
        with pytest.raises(UsageError, match="no drafts"):
            await evaluate_planner(planner, [case("ls")])
        with pytest.raises(UsageError, match="no draft"):
            await evaluate_delta(planner, [case("ls")])
