"""What results.json says of tuning: which values each cell chose, and what another draw would still bring."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from embexp.conclude.statistics.budget import expected_best_rows
from embexp.config import StudyConfig, TuningConfig


def describe_tuning(tuning: TuningConfig, cells: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return {tuning: {draws, chosen, expected_best, fallbacks}}; empty without tuning.

    Args:
        tuning: The settings.
        cells: Records of cells with the keys `tuning` and `tuning_seconds`.
    """
    if tuning.kind == "none":
        return {}
    chosen, fallbacks = [], []
    searches: dict[tuple[str, int], list[list[float]]] = {}
    for cell in cells:
        found, place = cell["tuning"], cell["tuning"]["chosen"]
        who = {key: cell[key] for key in ("strategy", "train_size", "seed", "fold", "word2vec_seed") if key in cell}
        if place is None:
            fallbacks.append(who | {"reason": found["fallback"]})
            continue
        judged = {key: found[key] for key in ("judged", "splits")}
        chosen.append(who | found["draws"][place] | judged | {"draw": place, "seconds": cell["tuning_seconds"]})
        scores = [draw["score"] for draw in found["draws"]]
        searches.setdefault((cell["strategy"], cell["train_size"]), []).append(scores)
    return {
        "tuning": {
            "draws": tuning.draws,
            "chosen": chosen,
            "expected_best": expected_best_rows(searches),
            "fallbacks": fallbacks,
        }
    }


def chosen_values(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that a cell chose, by names such as tuned_learning_rate; none without tuning."""
    tuning = record.get("tuning")
    if tuning is None or tuning["chosen"] is None:
        return {}
    return {f"tuned_{key}": value for key, value in tuning["draws"][tuning["chosen"]].items()}


def draws_in(config: StudyConfig) -> int:
    """Return with how many draws every cell is tuned; 0 without tuning."""
    return 0 if config.tuning.kind == "none" else config.tuning.draws


def protocol_sentence(tuning: TuningConfig) -> str:
    """Say what was one choice for all cells."""
    if tuning.kind == "none":
        return (
            "the protocol: classifier, optimisers, learning rates and the budget rule are one choice for all "
            "strategies and train sizes; another choice can give other numbers"
        )
    return (
        f"the protocol: classifier, optimisers and the rule of tuning ({tuning.draws} draws for every strategy, judged "
        "on the cell's own labels) are one choice for all strategies and train sizes; another choice can give other "
        "numbers"
    )
