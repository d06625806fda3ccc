from pathlib import Path

import pytest


@pytest.fixture(autouse=True, scope="module")
def shorten(few_rows: None) -> None:
    """In the whole room."""


@pytest.fixture(scope="session")
def twenty_sdf(sample_sdf: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first of the 200 molecules."""
    path = tmp_path_factory.mktemp("twenty") / "twenty.sdf"
    path.write_text("$$$$\n".join(sample_sdf.read_text().split("$$$$\n")[:20]) + "$$$$\n")
    return path
