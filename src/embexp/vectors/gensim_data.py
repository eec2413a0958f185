"""Vectors by their names in gensim-data: found where gensim keeps them, else fetched by gensim's own downloader."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import sys
from pathlib import Path

from embexp.errors import UserError

# The repository has not changed since 2018; a name that is not here is answered without asking the network.
NAMES = (
    "conceptnet-numberbatch-17-06-300",
    "fasttext-wiki-news-subwords-300",
    "glove-twitter-25",
    "glove-twitter-50",
    "glove-twitter-100",
    "glove-twitter-200",
    "glove-wiki-gigaword-50",
    "glove-wiki-gigaword-100",
    "glove-wiki-gigaword-200",
    "glove-wiki-gigaword-300",
    "word2vec-google-news-300",
    "word2vec-ruscorpora-300",
)
WAIT_SECONDS = 20.0  # for an answer; a network that says nothing must not hold a plan up


def folder_of(name: str) -> Path:
    """Return the folder in which gensim keeps a set of vectors."""
    return Path(os.environ.get("GENSIM_DATA_DIR", "~/gensim-data")).expanduser() / name


def find(name: str) -> Path | None:
    """Return the file of a set of vectors that was fetched before."""
    file = folder_of(name) / f"{name}.gz"
    return file if file.is_file() else None


def fetch(name: str) -> Path:
    """Fetch a set of vectors; gensim compares the checksum and shows how far it is.

    Raises:
        UserError: There is no network, or what came is not what was promised.
    """
    from gensim import downloader

    folder = folder_of(name)
    downloader.BASE_DIR = str(folder.parent)  # gensim read the environment when it was imported
    waited, log = socket.getdefaulttimeout(), logging.getLogger(downloader.__name__)
    quiet = log.disabled
    socket.setdefaulttimeout(WAIT_SECONDS)
    log.disabled = True  # it logs a traceback for every missing network
    try:
        with contextlib.redirect_stdout(sys.stderr):
            downloader.load(name, return_path=True)
    except Exception as error:  # gensim raises plain Exception, urllib what it meets
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"word2vec.file: {name} of gensim-data is not in {folder.parent} and cannot be fetched ({reason}); where "
            f"there is a network, `python -m gensim.downloader --download {name}` fetches it: copy the folder "
            f"{name} to {folder.parent}. Without one, word2vec=glove reads the vectors of a package"
        ) from error
    finally:
        socket.setdefaulttimeout(waited)
        log.disabled = quiet
    found = find(name)
    if found is None:
        raise UserError(f"word2vec.file: the folder {folder} holds no {name}.gz; remove it, and it is fetched again")
    return found
