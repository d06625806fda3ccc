"""Text that is nearly a file of molecules, for fuzzing; `make fuzz` reads many more."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

# What breaks readers: signs, numbers that are none, columns moved, other scripts, and the words of the format itself.
PIECES = st.one_of(
    st.sampled_from(
        ["", " ", "\t", "-", "-1", "0", "999", "nan", "inf", "1e999", "M  END", "M  CHG  1   1  15", "V3000"]
    ),
    st.sampled_from(["R#", "*", "D", "Xx"]),
    st.text(st.characters(exclude_characters="$\n\r\0", exclude_categories=["Cs"]), max_size=6),
)


@st.composite
def mutated(draw: st.DrawFn, text: str) -> str:
    """The text with some places cut, overwritten, or with something put in; lines may be lost or doubled."""
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 12)))
        text = text[:start] + draw(PIECES) + text[end:]
        if draw(st.booleans()):
            lines = text.split("\n")
            index = draw(st.integers(0, len(lines) - 1))
            lines[index : index + 1] = [lines[index]] * draw(st.sampled_from([0, 2]))
            text = "\n".join(lines)
    return text


# The same in every run, so that many more would find nothing new; the profile `explore` has five times as many.
fuzzed = settings(
    max_examples=2 * settings().max_examples,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
