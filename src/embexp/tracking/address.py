"""Which MLflow a study is logged to: find the URI, check it, and show it without its secrets.

Nothing here imports MLflow: a mistyped URI is told before any work, in a fraction of a second.
"""

from __future__ import annotations

import difflib
import importlib.util
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from embexp.config import TrackingConfig
from embexp.errors import UserError

DEFAULT_DATABASE = Path(".embexp/mlflow.db")

# The modules that a database URI may use when it names no driver, the best first. Which of them SQLAlchemy
# takes by itself depends on its version, so the URI that MLflow gets names one.
_DRIVERS = {
    "postgresql": ("psycopg2", "psycopg"),
    "mysql": ("pymysql", "mysqldb"),
    "mssql": ("pyodbc", "pymssql"),
}
_MODULES = {"mysqldb": "MySQLdb"}
_INSTALL = {"psycopg2": "psycopg2-binary", "psycopg": "psycopg[binary]", "mysqldb": "mysqlclient"}
_SCHEMES = ("sqlite", "postgresql", "mysql", "mssql", "http", "https", "databricks")
_USER_INFO = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)[^/@\s:]*(?::[^@\s]*)?@")
_SECRET_QUERY = re.compile(r"(?i)([?&](?:[a-z_]*password|sslkey|[a-z_]*token|[a-z_]*secret)=)[^&#\s]*")


@dataclass(frozen=True)
class Address:
    """A checked tracking URI."""

    uri: str  # as MLflow gets it; may hold a password
    origin: str  # where it came from, as a user would say it
    artifacts: str | None  # where new experiments keep files; None leaves that to the server

    @property
    def shown(self) -> str:
        """The URI without its secrets."""
        return mask(self.uri)

    @property
    def is_server(self) -> bool:
        """Whether a tracking server stands between us and the database."""
        return self.uri.startswith(("http://", "https://", "databricks"))

    @property
    def database(self) -> Path | None:
        """The SQLite file, if the URI names one."""
        return _sqlite_path(self.uri)


def mask(text: str) -> str:
    """Replace passwords, tokens and user names in all URIs of a text by asterisks."""
    return _SECRET_QUERY.sub(r"\1***", _USER_INFO.sub(r"\g<scheme>***@", text))


def mask_all(value: Any) -> Any:
    """Mask the secrets in all texts of nested values."""
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, Mapping):
        return {name: mask_all(item) for name, item in value.items()}
    return [mask_all(item) for item in value] if isinstance(value, list | tuple) else value


def resolve_address(config: TrackingConfig) -> Address:
    """Find and check the tracking URI: `tracking.uri`, else MLFLOW_TRACKING_URI, else our own SQLite file.

    Relative SQLite paths are taken from the working folder.

    Raises:
        UserError: The URI is malformed, or of a kind that MLflow cannot write to.
    """
    if config.uri:
        uri, origin = config.uri, "tracking.uri"
    elif os.environ.get("MLFLOW_TRACKING_URI"):
        uri, origin = os.environ["MLFLOW_TRACKING_URI"], "MLFLOW_TRACKING_URI"
    else:
        uri, origin = f"sqlite:///{DEFAULT_DATABASE.resolve()}", "the default"
    return check_address(uri.strip(), origin)


def check_address(uri: str, origin: str) -> Address:
    """Check one URI and make its path absolute.

    Raises:
        UserError: See `resolve_address`.
    """
    if uri.lower() == "databricks":
        return Address("databricks", origin, None)
    parts = _split(uri, origin)
    kind = parts.scheme.partition("+")[0]
    _check_scheme(uri, parts, kind, origin)
    if kind == "sqlite":
        return _check_sqlite(uri, origin)
    if kind == "databricks":
        return Address(uri, origin, None)
    if not parts.hostname and kind in ("http", "https"):
        raise UserError(f"{origin}: {mask(uri)!r} names no host; an example is http://127.0.0.1:5000")
    if kind in ("http", "https"):
        return Address(uri.rstrip("/"), origin, None)
    driver = _find_driver(uri, parts.scheme, kind, origin)
    uri = f"{kind}+{driver}{uri[len(parts.scheme) :]}"
    return Address(uri, origin, str(DEFAULT_DATABASE.with_name("mlartifacts").resolve()))


def _split(uri: str, origin: str) -> SplitResult:
    try:
        parts = urlsplit(uri)
        _ = parts.port  # raises for a port that is no number
    except ValueError as error:
        raise UserError(f"{origin}: {mask(uri)!r} is no valid URI ({error})") from None
    return parts


def _check_scheme(uri: str, parts: SplitResult, kind: str, origin: str) -> None:
    if kind in _SCHEMES:
        return
    shown = mask(uri)
    if kind in ("", "file") or len(kind) == 1:  # a path; one letter is a drive of Windows
        path = parts.path or uri
        raise UserError(
            f"{origin}: {shown!r} is a folder or file, and MLflow no longer writes plain folders; "
            f"name a database, for example sqlite:///{path.strip('/') or 'mlflow'}"
            f"{'' if path.endswith('.db') else '.db'}"
        )
    near = difflib.get_close_matches(kind, _SCHEMES, n=1)
    guess = f"; did you mean {near[0]}?" if near else ""
    raise UserError(
        f"{origin}: {shown!r} begins with {kind!r}, which MLflow does not know{guess} "
        f"Allowed are sqlite:///FILE, postgresql://, mysql://, mssql://, http:// and https://"
    )


def _sqlite_path(uri: str) -> Path | None:
    if not uri.startswith("sqlite") or ":///" not in uri:
        return None
    path = unquote(uri.split(":///", 1)[1].split("?", 1)[0])
    return Path(path) if path not in ("", ":memory:") else None


def _check_sqlite(uri: str, origin: str) -> Address:
    path = _sqlite_path(uri)
    if path is None:
        raise UserError(
            f"{origin}: {mask(uri)!r} names no database file; write sqlite:///FILE for a file in the "
            f"working folder, or sqlite:////FOLDER/FILE for an absolute path"
        )
    if path.is_dir():
        raise UserError(f"{origin}: {mask(uri)!r} is a folder; name a file in it, such as mlflow.db")
    path = path.absolute()
    head, _, query = uri.partition("?")
    scheme = head.split(":///", 1)[0]
    absolute = f"{scheme}:///{path}" + (f"?{query}" if query else "")
    return Address(absolute, origin, str(path.with_name("mlartifacts")))


def _find_driver(uri: str, scheme: str, kind: str, origin: str) -> str:
    named = scheme.partition("+")[2]
    drivers = (named,) if named else _DRIVERS[kind]
    for driver in drivers:
        if importlib.util.find_spec(_MODULES.get(driver, driver)) is not None:
            return driver
    packages = [_INSTALL.get(driver, driver) for driver in drivers]
    raise UserError(
        f"{origin}: {mask(uri)!r} needs the Python package {' or '.join(map(repr, packages))}, "
        f"which is not installed; pip install {packages[0]}"
    )
