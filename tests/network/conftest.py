"""Everything here runs in float64."""

from collections.abc import Iterator

import pytest
import torch


@pytest.fixture(autouse=True)
def double() -> Iterator[None]:
    """Coupling coefficients of e3nn are rounded to the default type when a network is built."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


@pytest.fixture(params=[1, 2, 3])
def lmax(request: pytest.FixtureRequest) -> int:
    return request.param
