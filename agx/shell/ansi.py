"""What stands in `$'…'`: escapes of letters, bytes and characters, as bash reads them."""

from __future__ import annotations

import re

_ESCAPE = re.compile(
    r"\\(x[0-9A-Fa-f]{1,2}|[0-7]{1,3}|u[0-9A-Fa-f]{1,4}|U(?:000|0010|10)?[0-9A-Fa-f]{1,5}|c.|.)", re.DOTALL
)
_LETTERS = dict(zip("ntrabfveE", "\n\t\r\a\b\f\v\x1b\x1b", strict=True)) | {mark: mark for mark in "\\'\"?"}


def ansi_c_text(body: str) -> str | None:
    r"""Return the text behind the body of `$'…'`; None where it is not valid text.

    `\xC3` and `\303` are bytes: together they have to make characters of UTF-8.
    """
    try:
        parts = _ESCAPE.split(body)
        texts = (_character(part) if index % 2 else part.encode() for index, part in enumerate(parts))
        return b"".join(texts).decode()
    except UnicodeError:
        return None


def _character(code: str) -> bytes:
    if code[0] in "uU" and len(code) > 1:
        return chr(int(code[1:], 16)).encode()
    if code[0] == "x" and len(code) > 1:
        return bytes([int(code[1:], 16)])
    if code[0] in "01234567":
        return bytes([int(code, 8) & 0xFF])
    if code[0] == "c" and len(code) > 1:
        return bytes([ord(code[1].upper()) & 0x1F]) if code[1].isascii() else ("\\" + code).encode()
    return _LETTERS.get(code, "\\" + code).encode()
