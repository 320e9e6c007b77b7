"""What docstrings say: summary and parameters, in three styles and in none."""

from __future__ import annotations

import pytest

from agx.tools.docstrings import parse_docstring

GOOGLE = """Tell the weather
    of a city.

    More about it: it takes time.

    Args:
        city: Its name,
            in English.
        days (int, optional): How many: at most 7
        unit (Literal["C", "F"]): C or F

        *names: any names

    Returns:
        days: is no parameter here
    """
NUMPY = """
    Tell the weather.

    Parameters
    ----------
    city : str
        Its name,

        in English.
    days, hours : int, default 1
        How many.
    unit
        C or F
    silent : bool

    Returns
    -------
    temperature : float
        No parameter.
    """
SPHINX = """Tell the weather.

    :param city: its name,
        in English
    :type city: str
    :param int days: how many: at most 7
    :param unit:
        C or F
    :returns: a text
    """


@pytest.mark.parametrize(
    ("text", "summary", "parameters"),
    [
        (
            GOOGLE,
            "Tell the weather of a city.",
            {
                "city": "Its name, in English.",
                "days": "How many: at most 7",
                "unit": "C or F",
                "names": "any names",
            },
        ),
        (
            NUMPY,
            "Tell the weather.",
            {"city": "Its name, in English.", "days": "How many.", "hours": "How many.", "unit": "C or F"},
        ),
        (
            SPHINX,
            "Tell the weather.",
            {"city": "its name, in English", "days": "how many: at most 7", "unit": "C or F"},
        ),
        ("One line.", "One line.", {}),
        ("", "", {}),
        (None, "", {}),
        ("\n\n    ", "", {}),
        ("\n    Args:\n        a: b", "", {"a": "b"}),
        ("Say this: a, b.\n\nNote:\n    c: d", "Say this: a, b.", {}),
        ("Sum.\n\nArgs:\n", "Sum.", {}),
        ("Sum.\n\nArgs:\n    no items here\n        a: b", "Sum.", {}),
        ("Sum.\n:param a: right below", "Sum.", {"a": "right below"}),
        ("Title\n-----\nText.", "", {}),
    ],
    ids=[
        "google",
        "numpy",
        "sphinx",
        "line",
        "empty",
        "none",
        "blank",
        "only",
        "note",
        "cut",
        "odd",
        "close",
        "title",
    ],
)
def test_a_docstring_is_read(text: str | None, summary: str, parameters: dict[str, str]) -> None:
    found = parse_docstring(text)
    assert (found.summary, found.parameters) == (summary, parameters)
