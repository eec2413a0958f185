"""Say in plain sentences what keeps several studies from being compared number by number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from embexp.conclude.report import words
from embexp.conclude.report.background import flatten
from embexp.conclude.report.comparison import MISSING_KEY, ComparedStudy, Comparison, KeyDifference

SPLIT_KEYS = ("test_size", "split_seed", "evaluate", "folds")
COLUMN_KEYS = ("text", "label")
LENGTHS_APART = 1.5  # medians of text length further apart than this are told


def sentences(comparison: Comparison) -> list[str]:
    """Return what differs between the studies and what follows from it, and what no interval covers."""
    said: list[str] = []
    for tell in (_texts, _evaluation, _classes, _lengths, _keys, _sizes, _seeds, _rules, _machines, _failures):
        said += tell(comparison)
    return [
        *said,
        "Each interval is about new seeds and new texts within one study. A difference between two studies has none: "
        "data, protocol and chance all have a part in it.",
    ]


def _texts(comparison: Comparison) -> list[str]:
    groups = same_test_texts(comparison.studies)
    if len(groups) == 1:
        return ["All studies score on the same test texts, so that their scores can be held against each other."]
    told = [f"{study.title}: {_size_in_words(study)} of {_data_name(study)}" for study in comparison.studies]
    together = [words.listed([study.title for study in group]) for group in groups if len(group) > 1]
    rest = f" Only {'; '.join(together)} share theirs." if together else ""
    return [
        f"The studies score on different texts ({'; '.join(told)}): a score in one is not better than a score in "
        f"another; compare shapes, crossovers and label ratios.{rest}"
    ]


def same_test_texts(studies: Sequence[ComparedStudy]) -> list[list[ComparedStudy]]:
    """Put the studies into groups that score on the same texts."""
    groups: list[list[ComparedStudy]] = []
    for study in studies:
        group = next((group for group in groups if _same_texts(group[0], study)), None)
        if group is None:
            groups.append([study])
        else:
            group.append(study)
    return groups


def _same_texts(one: ComparedStudy, other: ComparedStudy) -> bool:
    """Whether files, split and class counts are the same; a column that was left to be found is not held against it."""
    sheets = one.mapping("dataset"), other.mapping("dataset")
    if not sheets[0].get("digests") or one.on_validation != other.on_validation:
        return False
    if any(sheets[0].get(key) != sheets[1].get(key) for key in ("digests", "sizes", "class_counts")):
        return False
    configs = [study.mapping("config").get("dataset") or {} for study in (one, other)]
    if any(configs[0].get(key) != configs[1].get(key) for key in SPLIT_KEYS):
        return False
    named = [(configs[0].get(key), configs[1].get(key)) for key in COLUMN_KEYS]
    return all(a == b or a is None or b is None for a, b in named)


def _size_in_words(study: ComparedStudy) -> str:
    number = (study.mapping("dataset").get("sizes") or {}).get("test")
    kind = "validation texts" if study.on_validation else "test texts"
    return f"{words.count(number)} {kind}" if number else kind


def _data_name(study: ComparedStudy) -> str:
    return str(study.study.get("dataset") or "an unnamed data set")


def _by_value(comparison: Comparison, value: Callable[[ComparedStudy], Any], write: Callable[[Any], str]) -> str:
    """Write a value with the studies that have it: 2 (a and b), 5 (c); empty where all have the same or none."""
    having: dict[Any, list[str]] = {}
    for study in comparison.studies:
        having.setdefault(value(study), []).append(study.title)
    having.pop(None, None)
    if len(having) < 2:
        return ""
    return ", ".join(f"{write(each)} ({words.listed(titles)})" for each, titles in having.items())


def _evaluation(comparison: Comparison) -> list[str]:
    found = _by_value(
        comparison, lambda study: study.on_validation, lambda v: "validation texts" if v else "test texts"
    )
    if not found:
        return []
    return [f"They are scored on {found}. Validation texts are for making choices; report what test texts say."]


def _classes(comparison: Comparison) -> list[str]:
    found = _by_value(comparison, classes, str)
    return [f"The numbers of classes differ: {found}. Guessing alone scores differently."] if found else []


def classes(study: ComparedStudy) -> int | None:
    """Return the number of classes."""
    labels = study.mapping("dataset").get("labels")
    return len(labels) if labels else None


def median_tokens(study: ComparedStudy) -> float | None:
    """Return the number of tokens of the median text of the pool."""
    found = (study.mapping("dataset").get("median_tokens") or {}).get("pool")
    return None if found is None else float(found)


def _lengths(comparison: Comparison) -> list[str]:
    lengths = [length for study in comparison.studies if (length := median_tokens(study))]
    if len(lengths) < 2 or max(lengths) / min(lengths) < LENGTHS_APART:
        return []
    found = _by_value(comparison, median_tokens, words.count)
    return [f"The median texts differ in tokens: {found}. A label brings more words where texts are longer."]


def _keys(comparison: Comparison) -> list[str]:
    keys = [each.key for each in comparison.key_differences]
    if not keys:
        return ["No key of the configuration that moves numbers differs."]
    if len(keys) == 1:
        return [f"One key of the configuration differs: {key_in_words(comparison, comparison.key_differences[0])}."]
    said = f"{len(keys)} keys of the configuration differ; what sets the studies apart can come from any of them."
    unknown = sum(MISSING_KEY in each.values for each in comparison.key_differences)
    if unknown:
        verb = "is" if unknown == 1 else "are"
        said += f" {unknown} of them {verb} not written in every study, whose versions of embexp differ."
    return [said]


def key_in_words(comparison: Comparison, difference: KeyDifference) -> str:
    """Write a key with the value in each study."""
    return f"{difference.key} is {values_in_words(comparison, difference)}"


def values_in_words(comparison: Comparison, difference: KeyDifference) -> str:
    """Write the values of a key, each with the studies that have it."""
    having: dict[str, list[str]] = {}
    for study, value in zip(comparison.studies, difference.values, strict=True):
        text = next((text for _, text in flatten({"value": value})), words.MISSING)
        having.setdefault(text, []).append(study.title)
    return "; ".join(f"{text} ({words.listed(titles)})" for text, titles in having.items())


def _sizes(comparison: Comparison) -> list[str]:
    if not comparison.common_sizes:
        return ["No train size was measured in all studies, so that no scores stand side by side."]
    if all(study.measured_sizes == comparison.common_sizes for study in comparison.studies):
        return []
    sizes = words.listed(list(map(words.count, comparison.common_sizes)))
    return [f"The train sizes differ; common to all studies: {sizes} labels."]


def _seeds(comparison: Comparison) -> list[str]:
    found = _by_value(comparison, lambda study: len(study.seeds) or None, str)
    return [f"The numbers of seeds differ: {found}. Fewer seeds make wider intervals."] if found else []


def _rules(comparison: Comparison) -> list[str]:
    found = _by_value(comparison, lambda study: (study.interval, study.margin), lambda v: f"{v[0]}, margin {v[1]:g}")
    return [f"The rules of the verdicts differ: {found}."] if found else []


def _machines(comparison: Comparison) -> list[str]:
    environments = [study.mapping("environment") for study in comparison.studies]
    versions = [environment.get("versions") or {} for environment in environments]
    names = sorted({name for each in versions for name in each if any(each[name] != o.get(name) for o in versions)})
    parts = ([f"versions of {words.listed(names)}"] if names else []) + (
        ["processors"] if len({str(environment.get("processor")) for environment in environments}) > 1 else []
    )
    if not parts:
        return []
    return [f"They ran with different {words.listed(parts)}, which can move single cells."]


def _failures(comparison: Comparison) -> list[str]:
    lacking = [
        f"{study.title} lacks {words.plural(failed, 'cell')}"
        for study in comparison.studies
        if (failed := int(study.study.get("cells_failed") or 0))
    ]
    return [words.sentence(f"{words.listed(lacking)} that failed")] if lacking else []
