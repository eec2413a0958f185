import pytest

from embexp.config import ExecutorConfig
from embexp.engine.executors import open_executor
from embexp.engine.store import Store


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def ledger(tmp_path):
    return tmp_path / "ledger"


@pytest.fixture
def serial():
    with open_executor(ExecutorConfig(kind="serial")) as executor:
        yield executor


@pytest.fixture
def local():
    with open_executor(ExecutorConfig(kind="local", workers=2)) as executor:
        yield executor


@pytest.fixture(params=["serial", "local"])
def executor(request):
    return request.getfixturevalue(request.param)
