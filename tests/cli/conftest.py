import pytest


@pytest.fixture(autouse=True, scope="module")
def shorten(few_rows: None) -> None:
    """In the whole room."""
