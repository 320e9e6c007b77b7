"""Damaged GGUF files, made from a whole one: what a bad disk, a bad line or a bad person would make."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

from agx.gguf.reader import Header, read_header

HOSTILE_NUMBERS = (0, 1, 5, 513, 2**16, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**61, 2**62, 2**63, 2**64 - 1)


def mutations(path: Path, count: int, *, seed: int) -> Iterator[tuple[str, bytes]]:
    """Return so many damaged versions of a file, each with the name of what was done to it."""
    whole, header = path.read_bytes(), read_header(path)
    for number in range(count):
        rng = random.Random(f"{seed}:{number}")
        kind, mutate = rng.choice(KINDS)
        data = bytearray(whole)
        mutate(data, header, rng)
        yield f"{number} {kind}", bytes(data)


def _cut(data: bytearray, header: Header, rng: random.Random) -> None:
    limit = header.data_offset if rng.random() < 0.7 else len(data)
    del data[rng.randrange(limit) :]


def _flip(data: bytearray, header: Header, rng: random.Random) -> None:
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        data[rng.randrange(header.data_offset)] ^= 1 << rng.randrange(8)


def _flip_weights(data: bytearray, header: Header, rng: random.Random) -> None:
    data[rng.randrange(header.data_offset, len(data))] ^= 1 << rng.randrange(8)


def _hostile_number(data: bytearray, header: Header, rng: random.Random) -> None:
    """Write a number somewhere in the header: mostly over a length, a count, a type or an offset."""
    number = rng.choice(HOSTILE_NUMBERS)
    form = "<Q" if rng.random() < 0.6 else "<I"
    place = (
        rng.choice([4, 8, 16, *_places(header)]) if rng.random() < 0.7 else rng.randrange(header.data_offset)
    )
    place = min(place, len(data) - 8)
    struct.pack_into(form, data, place, number % 2 ** (8 * struct.calcsize(form)))


def _places(header: Header) -> list[int]:
    """Return where lengths, types and counts of the metadata stand."""
    found = []
    for key, place in header.places.items():
        kind = place + 8 + len(key.encode())
        found += [place, kind, kind + 4, kind + 8, kind + 16]
    return found


def _wrong_tensor(data: bytearray, header: Header, rng: random.Random) -> None:
    """Overwrite dimensions, sizes, type or offset of a tensor."""
    tensor = rng.choice(header.tensors)
    row = data.index(tensor.name.encode()) + len(tensor.name.encode())
    place = row + rng.choice((0, 4, 12, 4 + 8 * len(tensor.shape), 8 + 8 * len(tensor.shape)))
    struct.pack_into("<I", data, place, rng.choice(HOSTILE_NUMBERS) % 2**32)
    if rng.random() < 0.5:
        struct.pack_into("<I", data, place + 4, rng.choice(HOSTILE_NUMBERS) % 2**32)


def _token_twice(data: bytearray, header: Header, rng: random.Random) -> None:
    """Return a token the text of another one of the same length."""
    tokens = header.strings("tokenizer.ggml.tokens")
    first = rng.choice(tokens)
    others = [token for token in tokens if len(token) == len(first) and token != first]
    if others:
        second = rng.choice(others)
        place = data.index(struct.pack("<Q", len(second)) + second) + 8
        data[place : place + len(second)] = first


def _value_of(name: str, *numbers: int) -> Callable[[bytearray, Header, random.Random], None]:
    def mutate(data: bytearray, header: Header, rng: random.Random) -> None:
        key = next(key for key in header.places if key.endswith(name))
        struct.pack_into("<I", data, header.places[key] + 8 + len(key) + 4, rng.choice(numbers))

    return mutate


def _junk(data: bytearray, header: Header, rng: random.Random) -> None:
    start = rng.randrange(header.data_offset)
    data[start : start + rng.randrange(1, 400)] = rng.randbytes(rng.randrange(1, 400))


KINDS: tuple[tuple[str, Callable[[bytearray, Header, random.Random], None]], ...] = (
    ("cut", _cut),
    ("flipped bits", _flip),
    ("flipped bits", _flip),
    ("flipped weight", _flip_weights),
    ("hostile number", _hostile_number),
    ("hostile number", _hostile_number),
    ("wrong tensor", _wrong_tensor),
    ("token twice", _token_twice),
    ("block_count", _value_of("block_count", 0, 1, 3, 512, 513, 2**31, 2**32 - 1)),
    ("head_count", _value_of("head_count", 0, 3, 2**16, 2**31 - 1, 2**32 - 1)),
    ("embedding_length", _value_of("embedding_length", 0, 1, 2**31 - 1)),
    ("context_length", _value_of("context_length", 0, 1, 2**31 - 1)),
    ("junk", _junk),
)
