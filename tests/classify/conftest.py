from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Compute as a cell does: the tests' small matrices are slower on several threads than on one."""
    torch.set_num_threads(1)
