"""What tests of the command line ask of a result."""

from typer.testing import Result


def refused(result: Result, *words: str) -> None:
    """One line on stderr, exit code 1, no trace."""
    assert result.exit_code == 1, result.output
    assert result.stderr.count("\n") == 1, result.stderr
    assert result.stderr.startswith("moldiff: ")
    for word in words:
        assert word in result.stderr
