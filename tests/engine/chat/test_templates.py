"""Chat templates: real ones render, hostile ones end in time and within memory."""

from __future__ import annotations

import time
import tracemalloc
from datetime import UTC, datetime

import pytest

from agx.engine.chat.environment import BoundedEnvironment
from agx.engine.chat.templates import MAX_TEMPLATE_CHARS, ChatTemplate, chatml
from agx.engine.chat.time_limit import needs_no_clock
from agx.errors import TemplateError

MESSAGES = (
    {"role": "system", "content": "You plan."},
    {"role": "user", "content": "list all rust files"},
    {"role": "assistant", "content": '{"tasks":[]}'},
    {"role": "user", "content": "task 1: no such tool"},
)
DOUBLING = (
    "{% set ns = namespace(x=START) %}{% for i in range(60) %}{% set ns.x = STEP %}{% endfor %}{{ ns.x }}"
)


def doubling(start: str, step: str) -> str:
    return DOUBLING.replace("START", start).replace("STEP", step)


NAMES = "".join(f"{{% set x{number} = VALUE %}}" for number in range(999))
THOUSAND = "a" * 1000

HOSTILE = {
    "endless range": "{% for i in range(10**9) %}x{% endfor %}",
    "nested loops": "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    "loops in filters": "{% for i in range(9999) %}{% set x = range(99999)|map('string')|list %}{% endfor %}",
    "counting": "{% for i in range(99999) %}{{ ('x' * 10000000).count('y') }}{% endfor %}",
    "branching macro": (
        "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(100) }}"
    ),
    "endless macro": "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "product of text": "{{ 'x' * 10**9 }}",
    "product of a list": "{{ [1] * 10**9 }}",
    "power": "{{ 10**(10**8) }}",
    "squaring": doubling("3", "ns.x * ns.x"),
    "doubling by +": doubling("'xx'", "ns.x + ns.x"),
    "doubling by ~": doubling("'xx'", "ns.x ~ ns.x"),
    "doubling a list": doubling("[1]", "ns.x + ns.x"),
    "doubling nested lists": doubling("[1]", "[ns.x, ns.x]"),
    "doubling nested tuples": doubling("(1,)", "(ns.x, ns.x)"),
    "doubling nested dictionaries": doubling("{}", "{'a': ns.x, 'b': ns.x}"),
    "doubling dict()": doubling("1", "dict(a=ns.x, b=ns.x)"),
    "doubling namespaces": doubling("1", "namespace(a=ns.x, b=ns.x)"),
    "doubling by a block": (
        "{% set ns = namespace(x='xx') %}{% for i in range(60) %}"
        "{% set y %}{{ ns.x }}{{ ns.x }}{% endset %}{% set ns.x = y %}{% endfor %}{{ ns.x }}"
    ),
    "heavy defaults": "{% set h = ['x' * 9999] * 999 %}{{ ([0] * 999)|map('default', h, true)|list }}",
    "rounding": "{{ 5|round(10**7, 'ceil') }}",
    "rounding down": "{{ 5|round(-(10**9)) }}",
    "padding": "{{ 'x'.ljust(10**9) }}",
    "centring": "{{ 'x'|center(10**9) }}",
    "a width in %": "{{ '%1000000000d' % 1 }}",
    "a width in format": "{{ '{:1000000000}'.format(1) }}",
    "replacing": "{{ ('x' * 1000000).replace('x', 'y' * 1000000) }}",
    "replacing by a filter": "{{ ('x' * 1000000)|replace('x', 'y' * 1000000) }}",
    "joining": "{{ (['x' * 1000000] * 10000)|join }}",
    "joining by a method": "{{ ('x' * 9999999).join(range(9999)|map('string')) }}",
    "indenting": "{{ ('a\n' * 1000000)|indent('x' * 100000) }}",
    "slicing": "{{ range(10)|slice(10**9)|list }}",
    "bytes": "{{ (1).to_bytes(10**9) }}",
    "lorem ipsum": "{{ lipsum(n=10**7) }}",
    "much output": "{% for i in range(99999) %}{{ 'x' * 1000000 }}{% endfor %}",
    "a long date": "{{ strftime_now('%Y' * 1000000) }}",
    "deep recursion": "{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}",
    "nested JSON": (
        "{% set ns = namespace(x=[]) %}{% for i in range(5000) %}{% set ns.x = [ns.x] %}{% endfor %}"
        "{{ ns.x|tojson }}"
    ),
    "escaping": "{{ ('é' * 9999999)|tojson(ensure_ascii=true) }}",
    "dividing": "{{ ('f' * 9999999)|int(0, 16) // ('f' * 5000000)|int(0, 16) }}",
    "a remainder": "{{ ('f' * 9999999)|int(0, 16) % ('f' * 5000000)|int(0, 16) }}",
    "searching from the right": "{{ ('a' * 9999999).rfind('ab' ~ 'a' * 5000000) }}",
    "splitting from the right": "{{ ('a' * 9999999).rsplit('ab' ~ 'a' * 5000000) }}",
    "splitting by name": "{{ ('a' * 9999999).rsplit(sep='ab' ~ 'a' * 5000000) }}",
    "parting from the right": "{{ ('a' * 9999999).rpartition('ab' ~ 'a' * 5000000) }}",
    "stripping": "{{ ('a' * 9999999).strip('b' * 5000000 ~ 'a') }}",
    "trimming": "{{ ('a' * 9999999)|trim('b' * 5000000 ~ 'a') }}",
    "letters": "{{ ('€' * 16000000)|list|length }}",
    "sorted letters": "{{ ('€' * 16000000)|sort|length }}",
    "letters as arguments": "{{ cycler(*('€' * 16000000)) }}",
    "letters as a filter's arguments": "{{ 1|default(*('€' * 16000000)) }}",
    "letters as a test's arguments": "{{ 1 is divisibleby(*('€' * 16000000)) }}",
    "words": "{{ ('€€ ' * 5000000).split()|length }}",
    "words between commas": "{{ ('€€,' * 5000000).split(',')|length }}",
    "lines": "{{ ('€€\n' * 5000000).splitlines()|length }}",
    "indenting by nothing": "{{ ('\n' * 16000000)|indent(0) }}",
    "titles": "{{ ('-a' * 8000000)|title }}",
    "keeping texts": NAMES.replace("VALUE", "'x' * 16000000"),
    "keeping slices": "{% set x = '€' * 16000000 %}" + NAMES.replace("VALUE", "x[1:]"),
    "keeping lines": "{% set x = '€\n' * 500000 %}" + NAMES.replace("VALUE", "x.splitlines()"),
    "keeping texts in a list": "{{ range(99999)|map('replace', '', 'x' * 1000000)|list }}",
    "keeping texts in calls": (
        "{% macro f() %}{% set x = 'x' * 16000000 %}{{ f() }}{{ x }}{% endmacro %}{{ f() }}"
    ),
    "a constant": (
        f"{{{{ 'a'|replace('a', '{THOUSAND}')|replace('a', '{THOUSAND}')|replace('a', 'éééééééé')"
        "|tojson(ensure_ascii=true) }}"
    ),
    "a limit that is passed where errors mean no": (
        "{% for i in range(99999)"
        + "|map('string')" * 9
        + " %}{% if loop is sequence %}{% endif %}{% for a in range(99999) %}{% for b in range(99999) %}"
        "{% endfor %}{% endfor %}{% endfor %}"
    ),
    "appending": "{% set l = [] %}{% for i in range(99) %}{% set _ = l.append(1) %}{% endfor %}",
}
# What a template may not see, whatever it would do with it.
ESCAPES = {
    "Python's classes": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "a global": "{{ strftime_now.__globals__ }}",
    "a cycler": "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "a namespace": "{{ namespace.__init__.__globals__ }}",
    "the template itself": "{{ self._TemplateReference__context }}",
    "an attribute by a filter": "{{ ''|attr('__class__') }}",
    "an attribute by map": "{{ ['']|map(attribute='__class__.__mro__')|list }}",
    "an import": "{% import 'os' as os %}",
    "an inclusion": "{% include '/etc/passwd' %}",
}


@pytest.mark.parametrize("source", ESCAPES.values(), ids=ESCAPES.keys())
def test_a_template_that_reaches_for_python_fails(source: str) -> None:
    with pytest.raises(TemplateError):
        ChatTemplate(source).render(MESSAGES)


@pytest.mark.parametrize("source", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_template_ends_with_an_error(source: str) -> None:
    tracemalloc.start()
    started = time.process_time()
    try:
        with pytest.raises(TemplateError):
            ChatTemplate(source).render(MESSAGES)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert time.process_time() - started < 5  # half a second, on a machine that does much else
    assert peak_bytes < 300 << 20


@pytest.mark.parametrize(
    "source",
    [
        "{% if %}",
        "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}",
        "x" * (MAX_TEMPLATE_CHARS + 1),
        "{{ 1|nothing }}",
    ],
    ids=["no condition", "too deep", "too long", "no such filter"],
)
def test_what_is_no_template_is_refused(source: str) -> None:
    with pytest.raises(TemplateError):
        ChatTemplate(source)


def test_the_reason_of_a_template_that_refuses_is_told() -> None:
    template = ChatTemplate("{{ raise_exception('roles must alternate') }}")
    with pytest.raises(TemplateError, match="roles must alternate"):
        template.render(MESSAGES)


def test_a_template_without_source_is_chatml() -> None:
    prompt = ChatTemplate(None).render(MESSAGES[1:2])
    assert prompt == "<|im_start|>user\nlist all rust files<|im_end|>\n<|im_start|>assistant\n"


def test_the_clock_is_the_one_that_was_given() -> None:
    clock = datetime(2024, 2, 29, 7, 5, tzinfo=UTC)
    template = ChatTemplate("{{ strftime_now('%d %B %Y, %H:%M') }}", clock=lambda: clock)
    assert template.render(MESSAGES) == "29 February 2024, 07:05"


def test_json_escapes_all_but_characters_for_private_use() -> None:
    text = "é€\U0001f600\ue000<"
    template = ChatTemplate("{{ messages[0].content|tojson(ensure_ascii=true) }}")
    written = template.render([{"role": "user", "content": text}])
    assert written == '"\\u00e9\\u20ac\\ud83d\\ude00\ue000<"'


def test_variables_are_handed_to_the_template() -> None:
    template = ChatTemplate("{{ tools is none }} {{ documents is none }} {{ enable_thinking }}")
    assert template.render(MESSAGES, variables={"enable_thinking": False}) == "True True False"


def test_what_templates_of_hugging_face_use_is_there() -> None:
    source = (
        "{{ bos_token }}{% for m in messages %}{% if loop.index > 2 %}{% break %}{% endif %}"
        "{% generation %}{{ m.content|trim }}{% endgeneration %}{% endfor %}"
        "{{ {'b': 1, 'a': '<é>'}|tojson }}{{ strftime_now('%Y')|length }}{{ ['x', 'y']|join(' ') ~ 1 }}"
        "{{ 'a-b'.split('-')[1] }}{{ 'a\nb'|indent(2) }}{{ eos_token }}"
    )
    prompt = ChatTemplate(source, bos_text="<s>", eos_text="</s>").render(MESSAGES)
    assert prompt == '<s>You plan.list all rust files{"b": 1, "a": "<é>"}4x y1ba\n  b</s>'


PLAIN = {
    "ChatML": chatml(),
    "a namespace": (
        "{% set ns = namespace(n=0) %}{% for m in messages %}{% if m.role == 'user' %}{% set ns.n = 1 %}"
        "{{ ('a' if ns.n else 'b') + m['content'] }}{% elif not ns.n %}{{ bos_token }}{% endif %}{% endfor %}"
    ),
    "two loops": "{% for m in messages %}{{ m.content }}{% endfor %}{% for m in messages %}x{% endfor %}",
}
# None of these could do harm; each is a step on a way to it.
NOT_PLAIN = {
    "a loop over letters": "{% for m in messages[0].content %}x{% endfor %}",
    "a loop in a loop": "{% for m in messages %}{% for n in messages %}x{% endfor %}{% endfor %}",
    "other messages": "{% set messages = 'abc' %}{% for m in messages %}x{% endfor %}",
    "messages of a loop": "{% for messages in messages %}x{% endfor %}",
    "a recursive loop": "{% for m in messages recursive %}{{ m.role }}{% endfor %}",
    "a loop with a test": "{% for m in messages if m.role %}x{% endfor %}",
    "something kept": "{% set ns = namespace(x='') %}{% set ns.x = ns.x + 'a' %}",
    "a name for a text": "{% set x = messages[0].content %}{{ x }}",
    "a block": "{% set x %}a{% endset %}{{ x }}",
    "a call": "{{ raise_exception('x') }}",
    "a method": "{{ messages[0].content.strip() }}",
    "a namespace of something": "{% set ns = namespace(messages[0]) %}",
    "another namespace": "{% set namespace = 1 %}{% set ns = namespace(a=1) %}",
    "a filter": "{{ messages|length }}",
    "a macro": "{% macro f() %}x{% endmacro %}{{ f() }}",
    "a product": "{{ 'x' * 3 }}",
    "a search": "{{ 'x' in messages[0].content }}",
    "a list": "{{ [messages, messages] }}",
    "much of it": "{{ messages[0].role }}" * 99,
}


@pytest.mark.parametrize("source", PLAIN.values(), ids=PLAIN.keys())
def test_what_the_messages_bound_needs_no_clock(source: str) -> None:
    assert needs_no_clock(BoundedEnvironment().parse(source))
    assert "list all rust files" in ChatTemplate(source).render(MESSAGES)


@pytest.mark.parametrize("source", [*NOT_PLAIN.values(), *HOSTILE.values()], ids=[*NOT_PLAIN, *HOSTILE])
def test_everything_else_is_rendered_against_the_clock(source: str) -> None:
    assert not needs_no_clock(BoundedEnvironment().parse(source))


@pytest.mark.parametrize(
    ("expression", "written"),
    [
        ("'a b  c'.split()|join(',')", "a,b,c"),
        ("'a-b-c'.rsplit('-', 1)|join('|')", "a-b|c"),
        ("'aXbXc'.split(sep='X', maxsplit=1)|join('|')", "a|bXc"),
        ("'xayx'.strip('xy') ~ ' b '.strip() ~ (' c '|trim)", "abc"),
        ("'a\nb'.splitlines()|join('|') ~ ('a\nb'|indent(2))", "a|ba\n  b"),
        ("'12'|int + 'ff'|int(0, 16) + 'x'|int(3)", "270"),
        ("'ba'|list ~ 'ba'|sort|list ~ ('a-b'|title)", "['b', 'a']['a', 'b']A-B"),
        ("'abcd'[1:] ~ 'abcd'[::-1] ~ range(*[1, 3])|list", "bcddcba[1, 2]"),
        ("[{'a': 1}, {'a': 2}]|groupby('a')|length ~ (1 is divisibleby(*[1]))", "2True"),
        ("'-'.join(['a', 'b']) ~ 'a.b'.rpartition('.')[2] ~ 'abab'.rfind('ab')", "a-bb2"),
    ],
)
def test_what_is_bounded_does_what_it_does_elsewhere(expression: str, written: str) -> None:
    assert ChatTemplate(f"{{{{ {expression} }}}}").render(MESSAGES) == written


def test_what_a_prompt_makes_is_counted_anew_for_the_next() -> None:
    template = ChatTemplate("{{ ('x' * 16000000)|length }}")
    assert {template.render(MESSAGES) for _ in range(20)} == {"16000000"}


def test_rendering_twice_gives_the_same() -> None:
    template = ChatTemplate(None)
    assert template.render(MESSAGES) == template.render(MESSAGES)
