"""MLflow's database, where no server stands before it: create it whole, and write in transactions.

What MLflow keeps for itself (the functions with an underscore) is used here and nowhere else.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from embexp.tracking.address import Address
from embexp.tracking.locks import machine_lock

LOCKED_SECONDS = 20  # how long to wait for another writer of a SQLite file


def open_client(address: Address) -> Any:
    """Open MLflow's client; the first to open a database creates its tables, the others wait.

    MLflow itself lets two processes create the tables at once, and both fail.
    """
    from mlflow.tracking import MlflowClient

    if address.is_server:
        return MlflowClient(address.uri, registry_uri=address.uri)
    with machine_lock(f"create {address.uri}"):
        if address.database is not None and "?" not in address.uri:
            _create_sqlite(address.database)
        return MlflowClient(address.uri, registry_uri=address.uri)


def _create_sqlite(path: Path) -> None:
    """Create a SQLite file with MLflow's tables, whole or not at all.

    MLflow takes dozens of migrations for it, and a process that dies between two leaves a database that
    nobody can open. Built beside and renamed, that cannot happen; and as nothing needs to be synced before
    the end, it takes 1.2 seconds where MLflow takes 6.
    """
    if path.exists() and path.stat().st_size > 0:
        return
    import sqlalchemy
    from mlflow.store.db import utils

    path.parent.mkdir(parents=True, exist_ok=True)
    building = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    engine = utils.create_sqlalchemy_engine(f"sqlite:///{building}")

    @sqlalchemy.event.listens_for(engine, "connect")
    def _do_not_sync(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA synchronous = OFF")

    try:
        utils._initialize_tables(engine)
        engine.dispose()
        with building.open("rb+") as file:
            os.fsync(file.fileno())
        building.replace(path)
    finally:
        engine.dispose()
        with suppress(OSError):
            building.unlink()


@contextmanager
def one_transaction(client: Any) -> Iterator[None]:
    """Make all calls on a database store one transaction: there at the end, or not at all.

    MLflow commits several times a call. Sessions that are bound to a connection with an open transaction
    take savepoints instead (SQLAlchemy's join_transaction_mode), and one commit at the end carries them all.
    """
    import sqlalchemy
    from mlflow.store.db.utils import _get_managed_session_maker

    store = client._tracking_client.store
    original = store.ManagedSessionMaker
    with store.engine.connect() as connection, _begin(connection, store.db_type):
        sessions = sqlalchemy.orm.sessionmaker(bind=connection, join_transaction_mode="create_savepoint")
        store.ManagedSessionMaker = _get_managed_session_maker(sessions, store.db_type)
        try:
            yield
        finally:
            store.ManagedSessionMaker = original


@contextmanager
def _begin(connection: Any, kind: str) -> Iterator[None]:
    if kind != "sqlite":
        with connection.begin():
            yield
        return
    # Python's sqlite3 opens transactions by itself, and not around savepoints: take that over, and wait for
    # other writers here rather than in the middle.
    raw = connection.connection.dbapi_connection
    level, raw.isolation_level = raw.isolation_level, None
    try:
        with connection.begin():
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {LOCKED_SECONDS * 1000}")
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield
    finally:
        raw.isolation_level = level
