"""How many cases: 100 in the suite, 2,000 behind the marker `slow`."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

CALM = {"deadline": None, "suppress_health_check": list(HealthCheck)}

settings.register_profile("embexp-100", max_examples=100, derandomize=True, **CALM)
settings.register_profile("embexp-2000", max_examples=2000, **CALM)


@pytest.fixture(params=[100, pytest.param(2000, marks=[pytest.mark.slow, pytest.mark.timeout(3600)])])
def cases(request: pytest.FixtureRequest) -> settings:
    """How a test draws its cases."""
    return settings.get_profile(f"embexp-{request.param}")
