"""Folders of texts: one sub-folder a class, one file a text."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from embexp.errors import UserError
from embexp.text.tables import FolderTable
from embexp.text.wording import listed

NAMES = {"train": ("train", "training"), "validation": ("validation", "valid", "dev"), "test": ("test",)}


def check_is_folder(key: str, name: str) -> Path:
    """Return a folder that is there.

    Raises:
        UserError: it is not, or is a file.
    """
    path = Path(name).expanduser()
    try:
        if path.is_dir():
            return path
        there = path.exists() or path.is_symlink()
    except OSError as error:
        raise UserError(f"{key}: {path} cannot be read ({error.strerror})") from error
    what = "is not a folder" if there else f"does not exist (looked in {path.parent.resolve()})"
    raise UserError(f"{key}: {path} {what}; name the folder that holds one sub-folder for each class")


def part_folders(key: str, path: Path) -> dict[str, Path]:
    """Find train, validation and test below a folder; a folder without `train` is all there is."""
    found = {part: path / name for part, names in NAMES.items() for name in reversed(names) if (path / name).is_dir()}
    return found if "train" in found else {"train": path}


def read_folder(key: str, path: Path) -> FolderTable:
    """Find the texts of a folder, by class and path.

    Raises:
        UserError: there are no sub-folders, or no files in them.
    """
    try:
        above = {path.resolve(), *path.resolve().parents}  # a link that leads back up is no class
        folders = (child for child in path.iterdir() if child.is_dir() and not child.name.startswith("."))
        classes = sorted(folder for folder in folders if folder.resolve() not in above)
        files = tuple((file, child.name) for child in classes for file in _files(child))
        loose = sorted(child.name for child in path.iterdir() if child.is_file())
    except OSError as error:
        raise UserError(f"{key}: {error.filename} cannot be read ({error.strerror}); check permissions") from error
    if not classes:
        there = f"; it holds the files {listed(loose, len(loose))}" if loose else " and empty"
        raise UserError(f"{key}: {path} has no sub-folder{there}; the texts of each class need a folder of their own")
    if not files:
        named = listed((folder.name for folder in classes), len(classes))
        raise UserError(f"{key}: the sub-folders of {path} hold no file ({named})")
    return FolderTable(key, path, files)


def _files(folder: Path) -> list[Path]:
    """Return the files below a folder; links to folders are not followed, so that no loop is."""
    found = [Path(root) / name for root, _, names in os.walk(folder) for name in names if not name.startswith(".")]
    return sorted(file for file in found if file.is_file())


def digest_folder(table: FolderTable) -> str:
    """Return the sha256 over the labels and contents of all files."""
    digest = hashlib.sha256()
    for file, label in table.files:
        try:
            content = hashlib.sha256(file.read_bytes()).hexdigest()
        except OSError as error:
            raise UserError(
                f"{table.key}: {file} cannot be read ({error.strerror}); check disk and permissions"
            ) from error
        digest.update(f"{content}  {label}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
