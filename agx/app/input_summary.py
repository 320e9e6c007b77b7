"""A description of input data for the prompt: kind, size, first lines. Pure functions over bytes."""

from __future__ import annotations

import codecs
import json

from agx.app.piped_input import Piped
from agx.util.texts import shortened, visible_json

FIRST_LINES = 5
LINE_CHARS = 120
SAMPLE_LINES = 20
_MAGIC = (
    (b"\x1f\x8b", "gzip data"),
    (b"PK\x03\x04", "a zip archive"),
    (b"BZh", "bzip2 data"),
    (b"\xfd7zXZ\x00", "xz data"),
    (b"\x28\xb5\x2f\xfd", "zstd data"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF-", "a PDF document"),
    (b"\x7fELF", "an ELF program"),
    (b"GGUF", "a GGUF model"),
    (b"SQLite format 3\x00", "a SQLite database"),
)


def summarise(piped: Piped) -> str:
    """Describe input data in a few lines: what it is, how large, and how it begins."""
    binary = _binary_kind(piped.data)
    if binary:
        return f"{binary} (binary), {_size(piped)}"
    decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
    text = decoder.decode(piped.data, final=not piped.is_cut)
    lines = text.splitlines()
    if piped.is_cut and len(lines) > 1:
        del lines[-1]  # only a part of it is there
    kind = _text_kind(text, lines)
    broken = ", not all of it valid UTF-8" if "\ufffd" in text else ""
    plural = "" if len(lines) == 1 else "s"
    count = f"{'more than ' if piped.is_cut else ''}{len(lines)} line{plural}"
    shown = "\n".join(_quoted(line) for line in lines[:FIRST_LINES])
    return f"{kind}, {_size(piped)}, {count}{broken}; it begins:\n{shown}"


def _size(piped: Piped) -> str:
    if piped.size_bytes is None:
        return f"more than {len(piped.data):,} bytes"
    return f"{piped.size_bytes:,} bytes" if piped.size_bytes != 1 else "1 byte"


def _quoted(line: str) -> str:
    # In quotes and on one line each: data that reads like an instruction still looks like data.
    return visible_json(json.dumps(shortened(line, LINE_CHARS), ensure_ascii=False))


def _binary_kind(data: bytes) -> str:
    for magic, kind in _MAGIC:
        if data.startswith(magic):
            return kind
    head = data[:4096]
    if b"\0" in head:
        return "data of an unknown kind"
    odd = sum(character == "\ufffd" or character < " " for character in head.decode("utf-8", "replace"))
    layout = sum(head.count(byte) for byte in (b"\n", b"\r", b"\t", b"\f"))
    return "data of an unknown kind" if (odd - layout) * 10 > 3 * len(head) else ""


def _text_kind(text: str, lines: list[str]) -> str:
    start = text.lstrip()[:1]
    sample = [line for line in lines[:SAMPLE_LINES] if line.strip()]
    if start in {"{", "["}:
        if len(sample) > 1 and all(_is_json(line) for line in sample):
            return "JSON lines"
        return "JSON" if _is_json(text) else "text that begins like JSON"
    if start == "<":
        return "XML or HTML"
    for separator, kind in (("\t", "tab-separated values"), (",", "comma-separated values")):
        counts = {line.count(separator) for line in sample}
        if len(sample) > 1 and len(counts) == 1 and counts != {0}:
            return kind
    if sample and all(line.startswith(("/", "./", "../")) for line in sample):
        return "file names"
    return "text"


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
