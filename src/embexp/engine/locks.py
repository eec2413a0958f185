"""A lock on one entry while it is built: the kernel frees it when its owner dies, however it dies."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from types import TracebackType

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_BUSY = {errno.EAGAIN, errno.EACCES}
_NO_LOCKS_HERE = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}


class EntryLock:
    """A held lock; a context manager that lets go of it.

    On a file system without locks (some network mounts) it holds nothing, and `real` is False: two studies
    may then build the same entry twice, and the store keeps the first.
    """

    def __init__(self, path: Path, descriptor: int | None) -> None:
        self._path = path
        self._descriptor = descriptor

    @property
    def real(self) -> bool:
        """Whether the file system has locks."""
        return self._descriptor is not None

    @classmethod
    def acquire(cls, path: Path) -> EntryLock | None:
        """Take the lock, or return None at once when a live process holds it."""
        if fcntl is None:
            return cls(path, None)
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                os.close(descriptor)
                if error.errno in _BUSY:
                    return None
                if error.errno in _NO_LOCKS_HERE:
                    path.unlink(missing_ok=True)  # it would look like the lock of a study that died
                    return cls(path, None)
                raise
            if _is_at(descriptor, path):
                return cls(path, descriptor)
            os.close(descriptor)  # its last owner removed the file between our open and our lock

    def release(self) -> None:
        """Let go, and take the file away."""
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            try:
                self._path.unlink(missing_ok=True)
            finally:  # on a disk that has become read-only the file stays, the lock must not
                os.close(descriptor)

    def __enter__(self) -> EntryLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
