"""Text from outside - names, tags, SMILES, paths, cards - made fit for a terminal, a line of an error, or a page."""

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.text import Text

MOST = 1000  # characters that are shown of a text
_BREAKS = re.compile(" *[\t\n\v\f\r\x85\u2028\u2029]+ *")
_HIDDEN = {"Cc", "Cf", "Cs", "Cn", "Co"}  # controls, marks that turn or hide text, surrogates, what is no character


def plain(text: object, *, most: int = MOST) -> str:
    """One line without what a terminal obeys or hides: line ends are spaces, other controls are spelt out.

    Args:
        text: anything; a path that is not UTF-8 shows its bytes as `\\xff`.
        most: characters; of a longer text the middle is left out.

    Returns:
        The line.
    """
    line = str(text)
    if len(line) > most:
        half = max(1, (most - 3) // 2)
        line = f"{line[:half]} … {line[-half:]}"
    line = _BREAKS.sub(" ", line)
    return line if line.isascii() and line.isprintable() else "".join(map(_spell_out, line))


def plain_lines(text: str, *, most: int = 10 * MOST) -> str:
    """As `plain`, line by line; for what has lines of its own, such as a card."""
    return "\n".join(plain(line, most=most) for line in text.splitlines())


def outside_text(text: object, *, most: int = MOST) -> "Text":
    """As `plain`, for Rich, which shows it as it is: `[bold]` and `:smiley:` are no markup."""
    from rich.text import Text

    return Text(plain(text, most=most))


def outside_lines(text: str) -> "Text":
    """As `plain_lines`, for Rich."""
    from rich.text import Text

    return Text(plain_lines(text))


def _spell_out(character: str) -> str:
    if unicodedata.category(character) not in _HIDDEN:
        return character
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a path that Python could not decode
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
