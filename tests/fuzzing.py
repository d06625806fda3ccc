"""Bytes that are nearly a file: seeded mutations for any reader, of text or not.

Where `mutations.py` looks for what breaks a parser of text character by character, this breaks files as disks, editors,
transfers and other programs do. A test states two laws: only a `MoldiffError` escapes, and no record is lost.
"""

from collections.abc import Callable, Iterator

import numpy as np

Mutator = Callable[[bytes, np.random.Generator], bytes]
# Numbers that overflow, allocate or are none, marks of other encodings and packers, and the words of the formats.
TOKENS = (
    b"",
    b"0",
    b"-1",
    b"1",
    b"4",
    b"999",
    b"1001",
    b"99999",
    b"999999999",
    b"9" * 400,
    b"1e999",
    b"-1e308",
    b"nan",
    b"inf",
    b"1.5",
    b"2.1*^-6",
    b"2.1D-06",
    b"0x10",
    b"\xd9\xa3",
    b"\xc2\xb2",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\xff",
    b"\0",
    b"\x1a",
    b"\x1f\x8b",
    b"\r",
    b"\x0b",
    b"\x0c",
    b"\x85",
    b"\xe2\x80\xa8",
    b'"',
    b"'",
    b",",
    b";",
    b"\t",
    b"=",
    b"==",
    b"charge=-1=",
    b"Charge=0.9",
    b'Properties="',
    b"Properties=pos:R:3",
    b"Properties=species:S:1:pos:R:999999999",
    b"pbc=T",
    b"$$$$",
    b"M  END",
    b"M  V30",
    b"M  CHG  1   1  15",
    b"V3000",
    b"> <",
    b">",
    b"R#",
    b"*",
    b"Xx",
    b"D",
    b"{}",
    b"[",
    b"null",
    b"__proto__",
    b"../..",
)


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """The data after one to three of the mutators, drawn by chance."""
    for _ in range(int(rng.integers(1, 4))):
        data = MUTATORS[int(rng.integers(len(MUTATORS)))](data, rng)
    return data


def mutations(data: bytes, count: int, *, seed: int = 0) -> Iterator[bytes]:
    """So many mutated copies; the seed reproduces them."""
    rng = np.random.default_rng(seed)
    return (mutated(data, rng) for _ in range(count))


def flip_bytes(data: bytes, rng: np.random.Generator) -> bytes:
    """Some bytes become others."""
    if not data:
        return data
    changed = bytearray(data)
    for _ in range(int(rng.integers(1, 9))):
        changed[int(rng.integers(len(changed)))] = int(rng.integers(256))
    return bytes(changed)


def truncate(data: bytes, rng: np.random.Generator) -> bytes:
    """The end is missing."""
    return data[: int(rng.integers(len(data) + 1))]


def cut_out(data: bytes, rng: np.random.Generator) -> bytes:
    """A piece is missing."""
    start, end = sorted(map(int, rng.integers(len(data) + 1, size=2)))
    return data[:start] + data[min(end, start + 200) :]


def repeat_piece(data: bytes, rng: np.random.Generator) -> bytes:
    """A piece comes twice, or many times."""
    start, end = sorted(map(int, rng.integers(len(data) + 1, size=2)))
    end = min(end, start + 200)
    return data[:start] + data[start:end] * int(rng.choice([2, 3, 50])) + data[end:]


def lose_line(data: bytes, rng: np.random.Generator) -> bytes:
    """A line is missing."""
    return change_line(data, rng, lambda line: [])


def double_line(data: bytes, rng: np.random.Generator) -> bytes:
    """A line comes twice."""
    return change_line(data, rng, lambda line: [line, line])


def empty_line(data: bytes, rng: np.random.Generator) -> bytes:
    """A blank line before a line."""
    return change_line(data, rng, lambda line: [b"", line])


def garble_line(data: bytes, rng: np.random.Generator) -> bytes:
    """Something else in the place of a line."""
    return change_line(data, rng, lambda line: [TOKENS[int(rng.integers(len(TOKENS)))]])


def swap_lines(data: bytes, rng: np.random.Generator) -> bytes:
    """Two lines change places."""
    lines = data.split(b"\n")
    one, two = map(int, rng.integers(len(lines), size=2))
    lines[one], lines[two] = lines[two], lines[one]
    return b"\n".join(lines)


def change_word(data: bytes, rng: np.random.Generator) -> bytes:
    """Something else in the place of a word of a line."""

    def changed(line: bytes) -> list[bytes]:
        words = line.split(b" ")
        words[int(rng.integers(len(words)))] = TOKENS[int(rng.integers(len(TOKENS)))]
        return [b" ".join(words)]

    return change_line(data, rng, changed)


def put_in(data: bytes, rng: np.random.Generator) -> bytes:
    """Something is put in, anywhere."""
    place = int(rng.integers(len(data) + 1))
    return data[:place] + TOKENS[int(rng.integers(len(TOKENS)))] + data[place:]


def other_line_ends(data: bytes, rng: np.random.Generator) -> bytes:
    """Line ends of another system."""
    return data.replace(b"\n", b"\r\n" if rng.random() < 0.5 else b"\r")


def change_line(data: bytes, rng: np.random.Generator, change: Callable[[bytes], list[bytes]]) -> bytes:
    """The data with one line, chosen by chance, replaced by the lines that `change` makes of it."""
    lines = data.split(b"\n")
    place = int(rng.integers(len(lines)))
    lines[place : place + 1] = change(lines[place])
    return b"\n".join(lines)


MUTATORS: tuple[Mutator, ...] = (
    flip_bytes,
    truncate,
    cut_out,
    repeat_piece,
    lose_line,
    double_line,
    empty_line,
    garble_line,
    swap_lines,
    change_word,
    put_in,
    other_line_ends,
)
