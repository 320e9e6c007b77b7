"""The formats of tool calls that today's models write, by name, and which of them a chat template teaches.

| name | models | source |
| --- | --- | --- |
| hermes | Hermes, Qwen 2.5 and 3, MiMo | github.com/NousResearch/Hermes-Function-Calling |
| xml | Qwen3-Coder, StepFun | the chat template of Qwen/Qwen3-Coder-480B-A35B-Instruct |
| llama3 | Llama 3.1 to 3.3 | the prompt formats in github.com/meta-llama/llama-models |
| mistral, mistral_args | Mistral up to Nemo; Small 3.2 and later | github.com/mistralai/mistral-common |
| deepseek_v3, deepseek_v31, deepseek_dsml | DeepSeek V3 and R1; V3.1; V4 | their chat templates |
| command_r | Cohere's Command R7B and A | the chat template of c4ai-command-r7b-12-2024 |
| functionary, functionary_names | functionary 3.1; 3.2 | github.com/MeetKai/functionary |
| glm | GLM 4.5 and later, Laguna, Spark | the chat template of zai-org/GLM-4.5 |
| kimi | Kimi K2 | docs/tool_call_guidance.md of moonshotai/Kimi-K2-Instruct |
| minimax | MiniMax M2 | docs/tool_calling_guide.md of MiniMaxAI/MiniMax-M2 |
| harmony | gpt-oss | github.com/openai/harmony, docs/format.md |
| nemotron | Nemotron Nano v2 | its chat template |
| granite | Granite 3 | its chat template |
| minicpm | MiniCPM 5 | its chat template |
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from agx.toolcalls.formats import Call
from agx.toolcalls.found import Format, Found, Schemas
from agx.toolcalls.json_sections import JsonSections
from agx.toolcalls.named_json import NamedJson
from agx.toolcalls.tagged import Tagged

_NAME = r"(?P<name>[\w.:/-]{1,256})"
_QUOTED = r'"(?P<name>[^"<>]{1,256})"'
XML = Tagged(
    "xml",
    re.compile(rf"(?:<tool_call>\s*)?<function={_NAME}>(?!\s*\{{)"),
    re.compile(r"<parameter=(?P<key>[^<>]{1,256})>"),
    closes_value="</parameter>",
    closes_call="</function>",
    template="<tool_call>\n<function={name}>\n{parameters}</function>\n</tool_call>",
    parameter_template="<parameter={key}>\n{value}\n</parameter>\n",
    begins_with=("<tool_call>", "<function="),
    frame=("<tool_call>", "</tool_call>"),
    has_line_breaks=True,
)
_FORMATS: tuple[Format, ...] = (
    XML,
    Tagged(
        "glm",
        re.compile(rf"<tool_call>\s*{_NAME}\s*(?=<arg_key>|</tool_call>)"),
        re.compile(r"<arg_key>(?P<key>[^<>]{1,256})</arg_key>\s*<arg_value>"),
        closes_value="</arg_value>",
        closes_call="</tool_call>",
        template="<tool_call>{name}{parameters}</tool_call>",
        parameter_template="<arg_key>{key}</arg_key><arg_value>{value}</arg_value>",
        begins_with=("<tool_call>",),
        between="",
    ),
    Tagged(
        "minimax",
        re.compile(rf"(?:<minimax:tool_call>\s*)?<invoke name={_QUOTED}>"),
        re.compile(r'<parameter name="(?P<key>[^"<>]{1,256})">'),
        closes_value="</parameter>",
        closes_call="</invoke>",
        template='<invoke name="{name}">\n{parameters}</invoke>',
        parameter_template='<parameter name="{key}">{value}</parameter>\n',
        begins_with=("<minimax:tool_call>", "<invoke name="),
        frame=("<minimax:tool_call>", "</minimax:tool_call>"),
        around=("<minimax:tool_call>\n", "\n</minimax:tool_call>"),
    ),
    Tagged(
        "deepseek_dsml",
        re.compile(rf"(?:<\uff5cDSML\uff5ctool_calls>\s*)?<\uff5cDSML\uff5cinvoke name={_QUOTED}>"),
        re.compile(
            r'<\uff5cDSML\uff5cparameter name="(?P<key>[^"<>]{1,256})"(?: string="(?P<is_text>true|false)")?>'
        ),
        closes_value="</\uff5cDSML\uff5cparameter>",
        closes_call="</\uff5cDSML\uff5cinvoke>",
        template='<\uff5cDSML\uff5cinvoke name="{name}">\n{parameters}\n</\uff5cDSML\uff5cinvoke>',
        parameter_template=(
            '<\uff5cDSML\uff5cparameter name="{key}" string="{is_text}">{value}</\uff5cDSML\uff5cparameter>\n'
        ),
        begins_with=("<\uff5cDSML\uff5c",),
        frame=("<\uff5cDSML\uff5ctool_calls>", "</\uff5cDSML\uff5ctool_calls>"),
        around=("<\uff5cDSML\uff5ctool_calls>\n", "\n</\uff5cDSML\uff5ctool_calls>"),
    ),
    Tagged(
        "minicpm",
        re.compile(rf"<function name={_QUOTED}>"),
        re.compile(r'<param name="(?P<key>[^"<>]{1,256})">'),
        closes_value="</param>",
        closes_call="</function>",
        template='<function name="{name}">{parameters}</function>',
        parameter_template='<param name="{key}">{value}</param>',
        begins_with=("<function name=",),
    ),
    NamedJson(
        "functionary",
        re.compile(rf"<function={_NAME}>\s*(?=\{{)"),
        closing="</function>",
        template="<function={name}>{arguments}</function>",
        begins_with=("<function=",),
    ),
    NamedJson(
        "functionary_names",
        re.compile(rf"(?:>>>|\A){_NAME}\n(?=\{{)"),
        closing="",
        template=">>>{name}\n{arguments}",
        begins_with=(">>>",),
    ),
    NamedJson(
        "kimi",
        re.compile(
            r"(?:<\|tool_calls_section_begin\|>)?<\|tool_call_begin\|>\s*"
            r"(?:functions\.)?(?P<name>[\w./-]{1,256})(?::\d+)?\s*<\|tool_call_argument_begin\|>\s*"
        ),
        closing="<|tool_call_end|>",
        template="<|tool_call_begin|>functions.{name}:{place}<|tool_call_argument_begin|>{arguments}<|tool_call_end|>",
        begins_with=("<|tool_calls_section_begin|>", "<|tool_call_begin|>"),
        around=("<|tool_calls_section_begin|>", "<|tool_calls_section_end|>"),
    ),
    NamedJson(
        "deepseek_v3",
        re.compile(
            rf"(?:<\uff5ctool\u2581calls\u2581begin\uff5c>\s*)?<\uff5ctool\u2581call\u2581begin\uff5c>function<\uff5ctool\u2581sep\uff5c>{_NAME}\n```json\n"
        ),
        closing="```<\uff5ctool\u2581call\u2581end\uff5c>",
        template=(
            "<\uff5ctool\u2581call\u2581begin\uff5c>function<\uff5ctool\u2581sep\uff5c>{name}\n```json\n{arguments}\n```<\uff5ctool\u2581call\u2581end\uff5c>"
        ),
        begins_with=("<\uff5ctool\u2581calls\u2581begin\uff5c>", "<\uff5ctool\u2581call\u2581begin\uff5c>"),
        around=("<\uff5ctool\u2581calls\u2581begin\uff5c>", "<\uff5ctool\u2581calls\u2581end\uff5c>"),
    ),
    NamedJson(
        "deepseek_v31",
        re.compile(
            rf"(?:<\uff5ctool\u2581calls\u2581begin\uff5c>\s*)?<\uff5ctool\u2581call\u2581begin\uff5c>(?!function<){_NAME}<\uff5ctool\u2581sep\uff5c>\s*"
        ),
        closing="<\uff5ctool\u2581call\u2581end\uff5c>",
        template="<\uff5ctool\u2581call\u2581begin\uff5c>{name}<\uff5ctool\u2581sep\uff5c>{arguments}<\uff5ctool\u2581call\u2581end\uff5c>",
        begins_with=("<\uff5ctool\u2581calls\u2581begin\uff5c>", "<\uff5ctool\u2581call\u2581begin\uff5c>"),
        around=("<\uff5ctool\u2581calls\u2581begin\uff5c>", "<\uff5ctool\u2581calls\u2581end\uff5c>"),
    ),
    NamedJson(
        "mistral_args",
        re.compile(rf"\[TOOL_CALLS\]\s*{_NAME}(?:\[CALL_ID\]\w+)?\s*\[ARGS\]\s*"),
        closing="",
        template="[TOOL_CALLS]{name}[ARGS]{arguments}",
        begins_with=("[TOOL_CALLS]",),
    ),
    NamedJson(
        "harmony",
        re.compile(
            r"(?:<\|start\|>assistant)?(?:<\|channel\|>\w+)?\s*to=functions\.(?P<name>[\w-]{1,256})"
            r"(?:<\|channel\|>\w+)?\s*(?:<\|constrain\|>\s*\w+|json)?\s*<\|message\|>\s*"
        ),
        closing="<|call|>",
        template=(
            "<|start|>assistant<|channel|>commentary to=functions.{name} <|constrain|>json"
            "<|message|>{arguments}<|call|>"
        ),
        begins_with=("<|start|>", "<|channel|>", "to=functions."),
    ),
    JsonSections("hermes", "", before="<tool_call>\n", after="\n</tool_call>", between="\n"),
    JsonSections("mistral", "[TOOL_CALLS][", "]"),
    JsonSections(
        "command_r", "<|START_ACTION|>[", "]<|END_ACTION|>", name_key="tool_name", arguments_key="parameters"
    ),
    JsonSections("nemotron", "<TOOLCALL>[", "]</TOOLCALL>"),
    JsonSections("granite", "<|tool_call|>[", "]"),
    JsonSections("llama3", "", between="; ", arguments_key="parameters"),
)
FORMATS = {each.name: each for each in _FORMATS}
# Where a text has calls in several formats, what says most of itself comes first.
PYTHON_TAG = "<|python_tag|>"


def formats_of(name: str | None) -> Sequence[Format]:
    """Return the format of a name and those that its models slip into; all of them where none is known."""
    if name is None or name not in FORMATS:
        return _FORMATS
    others = [each for each in ("hermes", "llama3") if each != name]
    return (FORMATS[name], *(FORMATS[each] for each in others))


def taught_by(written_call: str, call: Call) -> str | None:
    """Return the name of the format in which a template writes a call, of a sample of it; None for none."""
    name, arguments = call
    as_texts = {key: {"type": "string"} for key in arguments}
    for each in _FORMATS:
        found = each.read(written_call, {name: {"type": "object", "properties": as_texts}})
        if [one.call for one in found] == [call] and any(
            mark in written_call for mark in each.begins_with or ("",)
        ):
            return each.name
    return None


def read_calls(text: str, schemas: Schemas, *, name: str | None = None) -> tuple[str, list[Call]]:
    """Return the words of a text, and its calls in the format of that name, or in any."""
    for each in formats_of(name):
        found = each.read(text, schemas)
        if found:
            return _words(text, found), [one.call for one in found]
    return text, []


def _words(text: str, found: Iterable[Found]) -> str:
    """Return a text without the calls in it, and without the marks around all of them."""
    parts, at = [], 0
    for one in found:
        parts.append(text[at : one.start])
        at = max(at, one.stop)
    parts.append(text[at:])
    words = "".join(parts)
    for mark in _MARKS:
        words = words.replace(mark, "")
    return words if words.strip() else ""


_MARKS = (
    PYTHON_TAG, "</tool_call>", "</minimax:tool_call>", "</\uff5cDSML\uff5ctool_calls>",
    "<|tool_calls_section_end|>",
    "<\uff5ctool\u2581calls\u2581end\uff5c>",
)  # fmt: skip
