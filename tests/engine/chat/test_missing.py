"""What a template uses and AGX does not have is named with its line, before and when it is needed."""

from __future__ import annotations

import pytest

from agx.engine.chat.templates import ChatTemplate
from agx.errors import TemplateError
from tests.engine.chat.real_templates import NAMES, needs_templates, template_of

LOOP = "{% for m in messages %}{{ m.content }}{% endfor %}\n"
RARE = "{% if tools %}\n{{ tools|shuffle }}{{ 1 is prime }}\n{{ now() }}{{ tools|shuffle }}{% endif %}"
MESSAGES = [{"role": "user", "content": "hi"}]


def test_names_are_given_once_with_their_lines() -> None:
    template = ChatTemplate(LOOP + RARE)
    assert [str(each) for each in template.missing] == [
        "the filter 'shuffle' (line 3)",
        "the test 'prime' (line 3)",
        "the function 'now' (line 4)",
    ]
    assert template.render(MESSAGES) == "hi", "what is not needed keeps nothing from being written"


@pytest.mark.parametrize(
    "source",
    [
        "{% macro f(x) %}{{ x }}{{ caller() }}{% endmacro %}{{ f(1) }}",
        "{% if now is defined %}{{ now() }}{% endif %}",
        "{% set f = strftime_now %}{{ f('%Y') }}{{ range(2) }}{{ namespace(a=1).a }}",
        "{% for m in messages recursive %}{{ loop(m) }}{% endfor %}",
        "{{ raise_exception('x') }}{{ messages|tojson|trim }}{{ '[1]'|from_json|length }}",
    ],
)
def test_what_a_template_defines_or_asks_about_is_not_missing(source: str) -> None:
    assert ChatTemplate(source).missing == ()


@pytest.mark.parametrize(
    ("source", "words", "line"),
    [
        ("a\n\n{{ messages|shuffle }}", "shuffle", 3),
        ("a\n{% if messages %}\n\n{{ messages|shuffle }}{% endif %}", "shuffle", 4),
        ("a\n{% for m in messages %}\n{{ m is prime }}\n{% endfor %}", "prime", 3),
        ("a\n{{ now() }}", "'now' is undefined", 2),
        ("a\nb\n{{ messages[0].content.zfill(9) }}", "zfill", 3),
        ("a\n{% macro f() %}\n{{ none.x.y }}{% endmacro %}\n\n{{ f() }}", "None", 3),
        ("a\n{% if %}", "Expected an expression", 2),
        ("a\n{{ raise_exception('no system') }}", "no system", 2),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_fails_is_named_with_its_line(source: str, words: str, line: int) -> None:
    with pytest.raises(TemplateError, match=words) as caught:
        ChatTemplate(source).render(MESSAGES)
    assert caught.value.message.endswith(f"(line {line})")
    assert caught.value.details["line"] == line


@needs_templates
@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_missing_for_real_templates(name: str) -> None:
    assert template_of(name).missing == ()
