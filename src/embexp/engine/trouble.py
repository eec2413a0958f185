"""What stops a whole study rather than one task: the store is gone or full, the cluster is lost.

Every task that is left would fail of it. The study stops at once, says so in one sentence, and the same command
goes on where it stopped.
"""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

from embexp.errors import EmbexpError

FULL = {errno.ENOSPC, errno.EDQUOT}
GO_ON = "the same command then goes on where this one stopped"


class CannotGoOnError(EmbexpError):
    """Something that every task needs is lost; the message says what, and how to go on."""


def describe_trouble(root: Path, error: OSError) -> str:
    """Say in one sentence why nothing can be written in a store any more.

    Args:
        root: Of the store.
        error: What came of trying to write there.
    """
    if error.errno in FULL:
        return (
            f"store: the disk of {str(root)!r} is full ({_free(root)}); make room, for example with "
            f"`embexp store remove`, and {GO_ON}"
        )
    if not (root / "building").is_dir():
        return f"store: the folder {str(root)!r} is gone while it was used; bring it back, and {GO_ON}"
    return (
        f"store: the folder {str(root)!r} can no longer be written ({error.strerror or error}); make it writable, "
        f"and {GO_ON}"
    )


def _free(root: Path) -> str:
    try:
        return f"{shutil.disk_usage(root).free / 1e6:,.1f} MB free"
    except OSError:
        return "its free space cannot be read"
