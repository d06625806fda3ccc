from collections.abc import Iterator

import pytest

import moldiff.training.denoiser.calibration


@pytest.fixture(autouse=True, scope="module")
def shorten(few_rows: None) -> Iterator[None]:
    """Small batches, and little to measure at the end of a run; a module may have a `shorten` of its own instead."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(moldiff.training.denoiser.calibration, "NUM_MOLECULES", 2)
        yield
