"""What the neighbours lab measures, and what it expects of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from embexp.conclude.report import words
from embexp.labs.neighbours.figures import draw_map, draw_movement, draw_own_class
from embexp.labs.neighbours.spaces import FINETUNED, MEASURES, NAMES, RANDOM, SPACES, WORD2VEC, Spaces, rotate_onto
from embexp.labs.parts import Expectation, Part, Row, Shown, table

NEIGHBOURS = Expectation(
    "neighbours",
    "What stands beside a word?",
    "word2vec puts words beside each other that occur in the same contexts, whatever class they tell (“good” beside "
    "“bad”). Fine-tuning moves the neighbourhood of a telling word towards words of its own class, and in the "
    "task-trained matrix class is nearly all that neighbours share (Kim 2014, table 3).",
)
MOVEMENT = Expectation(
    "movement",
    "Which rows moved?",
    "Rows of words that no labelled text holds do not move at all. Among the others, frequent words move further than "
    "rare ones, and telling words further than others.",
)
AGREEMENT = Expectation(
    "agreement",
    "How far do the three spaces agree?",
    "The fine-tuned space stays close to word2vec. The task-trained one agrees with word2vec hardly more than if its "
    "words were permuted, and more with a training from another seed.",
)
MAP = Expectation(
    "map",
    "Where do the probe words stand?",
    "In word2vec the classes mix; in the task-trained space the probe words fall apart by class.",
)
AGAIN = "the same, another seed"
SHOWN_NEIGHBOURS, COUNTED_NEIGHBOURS, TELLING_PER_CLASS = 5, 10, 50


def own_class(spaces: Spaces) -> list[Row]:
    """Count, for the most telling words of each class, the neighbours that tell the same class.

    The reference is the share of telling words that tell it.
    """
    telling = spaces.telling
    rows = []
    for name in SPACES:
        shares, other_shares, chances = [], [], []
        for number in range(len(spaces.classes)):
            queries = [int(word) for word in np.argsort(-spaces.odds[number]) if telling[word] == number]
            queries = queries[:TELLING_PER_CLASS]
            if not queries:
                continue
            near = telling[spaces.space(name).neighbours(queries, COUNTED_NEIGHBOURS)]
            shares.append(float((near == number).mean()))
            other_shares.append(float(((near != number) & (near >= 0)).mean()))
            chances.append(float((telling == number).mean()))
        rows.append(
            {
                "space": name,
                "name": NAMES[name],
                "train_size": spaces.train_size,
                "words": len(spaces.words),
                "own_class": _mean(shares),
                "other_class": _mean(other_shares),
                "chance": _mean(chances),
            }
        )
    return rows


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def neighbour_rows(spaces: Spaces, probes: Sequence[int]) -> list[Row]:
    """Return the nearest words of each probe word in each space."""
    near = {name: spaces.space(name).neighbours(probes, SHOWN_NEIGHBOURS) for name in SPACES}
    telling = spaces.telling
    return [
        {
            "word": spaces.words[probe],
            "tells": "–" if telling[probe] < 0 else spaces.classes[telling[probe]],
            "space": name,
            "name": NAMES[name],
            "nearest": [spaces.words[int(place)] for place in near[name][row]],
            **{f"nearest_{rank}": spaces.words[int(place)] for rank, place in enumerate(near[name][row], start=1)},
        }
        for row, probe in enumerate(probes)
        for name in SPACES
    ]


def measure_neighbours(by_size: Sequence[Spaces], probes: Sequence[int], missing: Sequence[str]) -> Part:
    """Show the neighbours of probe words at the largest size, and count those of the same class at every size."""
    counted = [row for spaces in by_size for row in own_class(spaces)]
    largest = by_size[-1]
    shown = neighbour_rows(largest, probes)
    last = {row["space"]: row for row in counted if row["train_size"] == largest.train_size}
    shares = [last[name]["own_class"] for name in SPACES]
    met = None if None in shares else shares[0] < shares[1] < shares[2] and shares[2] > 0.5
    found = [
        f"{largest.train_size:,} labels, {len(largest.words):,} words. Of the {COUNTED_NEIGHBOURS} nearest neighbours "
        "of the words that tell a class best, this share tells the same class: "
        + ", ".join(f"{NAMES[name]} {words.percent(last[name]['own_class'])} %" for name in SPACES)
        + f"; by chance {words.percent(last[WORD2VEC]['chance'])} %. Another class: "
        + ", ".join(f"{NAMES[name]} {words.percent(last[name]['other_class'])} %" for name in SPACES)
        + ".",
        *_pair_sentences(largest, probes),
    ]
    notes = [f"Asked for, but not known to all three spaces: {', '.join(missing)}."] if missing else []
    columns = {"word": "word", "tells": "tells", "name": "space"}
    columns |= {f"nearest_{rank}": str(rank) for rank in range(1, SHOWN_NEIGHBOURS + 1)}
    caption = "The nearest words by cosine. word2vec is the matrix with which fine-tuning began."
    figures = [Shown(draw_own_class(counted), "Means over classes.")] if len(by_size) > 1 else []
    return Part(
        NEIGHBOURS,
        met,
        tuple(found),
        (*counted, *shown),
        (Shown(table("neighbours", caption, columns, shown, texts=len(columns))), *figures),
        (
            *notes,
            "Compared are words of letters only that word2vec knows and that stand at least three times in the "
            "labelled texts. A word tells a class if its log odds there exceed 1.96 standard deviations.",
        ),
        {f"own_class_{name}": value for name, value in zip(SPACES, shares, strict=True) if value is not None},
    )


def _pair_sentences(spaces: Spaces, probes: Sequence[int]) -> list[str]:
    """Say for the two most telling opposite probe words how near they stand in each space."""
    telling = spaces.telling
    pairs = [(a, b) for a, b in combinations(probes, 2) if 0 <= telling[a] != telling[b] >= 0]
    if not pairs:
        return []
    unit = spaces.space(WORD2VEC).unit
    a, b = max(pairs, key=lambda pair: float(unit[pair[0]] @ unit[pair[1]]))
    ranks = []
    for name in SPACES:
        cosines = spaces.space(name).unit @ spaces.space(name).unit[a]
        rank = int((cosines > cosines[b]).sum())  # the word itself counts once, so the nearest neighbour is number 1
        ranks.append(f"{NAMES[name]} number {rank:,}")
    return [f"“{spaces.words[b]}” among the neighbours of “{spaces.words[a]}”: {', '.join(ranks)} of {len(unit):,}."]


def measure_movement(spaces: Spaces) -> Part:
    """Set the movement of rows against the frequency of their words."""
    from scipy.stats import spearmanr

    telling = spaces.telling >= 0
    rows: list[Row] = []
    for name in (FINETUNED, RANDOM):
        moved = spaces.moved[name]
        rows.append(
            {
                "space": name,
                "name": NAMES[name],
                "train_size": spaces.train_size,
                "spearman_with_frequency": float(spearmanr(spaces.seen, moved).statistic),
                "median_moved": float(np.median(moved)),
                "median_moved_telling": float(np.median(moved[telling])) if telling.any() else None,
                "median_moved_others": float(np.median(moved[~telling])) if (~telling).any() else None,
                "unseen_rows_that_moved": spaces.unseen_moved[name],
            }
        )
    bins = frequency_bins(spaces)
    met = all(
        row["unseen_rows_that_moved"] == 0
        and row["spearman_with_frequency"] > 0
        and (row["median_moved_telling"] or 0) > (row["median_moved_others"] or 0)
        for row in rows
    )
    found = tuple(
        f"{row['name']}: rank correlation of movement with frequency {row['spearman_with_frequency']:+.2f}; the median "
        f"row moved {row['median_moved']:.2f} of a typical row's length, telling words "
        f"{_two(row['median_moved_telling'])}, others {_two(row['median_moved_others'])}; "
        f"{row['unseen_rows_that_moved']:,} rows of unseen words moved."
        for row in rows
    )
    return Part(
        MOVEMENT,
        met,
        found,
        (*rows, *bins),
        (Shown(draw_movement(bins), "Median and quartiles of words of like frequency in the labelled texts."),),
        numbers={f"movement_frequency_{row['space']}": row["spearman_with_frequency"] for row in rows},
    )


def _two(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def frequency_bins(spaces: Spaces, count: int = 10) -> list[Row]:
    """Return median and quartiles of movement for words of like frequency, about equally many in each bin."""
    order = np.argsort(spaces.seen, kind="stable")
    rows = []
    for name in (FINETUNED, RANDOM):
        for places in np.array_split(order, min(count, len(order))):
            low, middle, high = np.quantile(spaces.moved[name][places], [0.25, 0.5, 0.75])
            rows.append(
                {
                    "space": name,
                    "seen": float(np.exp(np.log(spaces.seen[places]).mean())),
                    "words": len(places),
                    "moved": float(middle),
                    "low": float(low),
                    "high": float(high),
                }
            )
    return rows


def measure_agreement(spaces: Spaces, other_seed: Mapping[str, NDArray[np.float32]]) -> Part:
    """Compare the spaces in pairs, beside permuted words and beside another seed.

    Args:
        spaces: Of one train size.
        other_seed: Vectors of the same words from another seed, by space; may be empty.
    """
    shuffled = np.random.default_rng(8).permutation(len(spaces.words))
    pairs = [(NAMES[a], NAMES[b], spaces.vectors[a], spaces.vectors[b]) for a, b in combinations(SPACES, 2)]
    pairs += [
        (NAMES[name], "the same, another seed", spaces.vectors[name], other) for name, other in other_seed.items()
    ]
    rows: list[Row] = []
    for one, other, a, b in pairs:
        row: Row = {"one": one, "other": other, "train_size": spaces.train_size, "words": len(spaces.words)}
        for measure, compute in MEASURES.items():
            row[measure] = compute(a, b)
            row[f"{measure}, permuted"] = compute(a, b[shuffled])
            row[f"{measure} in words"] = f"{row[measure]:.3f} ({row[f'{measure}, permuted']:.3f})"
        rows.append(row)
    near, far = rows[0], rows[1]
    key = "ten nearest in common"
    again = [row for row in rows if row["other"] == AGAIN and row["one"] == NAMES[RANDOM]]
    found = [
        f"{row['one']} and {row['other']}: " + ", ".join(f"{name} {row[f'{name} in words']}" for name in MEASURES) + "."
        for row in rows
    ]
    met = None
    if again:
        met = near[key] > 0.5 and far[key] - far[f"{key}, permuted"] < 0.1 and again[0][key] > far[key]
    columns = {"one": "space", "other": "beside", **{f"{name} in words": name for name in MEASURES}}
    caption = "Agreement, 1 is the same; in brackets with the words of one space permuted."
    return Part(
        AGREEMENT,
        met,
        tuple(found),
        tuple(rows),
        (Shown(table("agreement", caption, columns, rows, texts=2)),),
        ("Ten nearest in common: for the thousand most frequent words.",),
        {"overlap_word2vec_finetuned": near[key], "overlap_word2vec_random": far[key]},
    )


def measure_map(spaces: Spaces, probes: Sequence[int]) -> Part:
    """Lay the probe words of the three spaces out in the plane in which word2vec's spread most."""
    chosen = list(probes)
    turned = {name: rotate_onto(spaces.vectors[name], spaces.vectors[WORD2VEC]) for name in SPACES}
    flat = turned[WORD2VEC][chosen]
    spread = flat if len(chosen) > 2 else turned[WORD2VEC]  # two words span no plane
    plane = np.linalg.svd(spread - spread.mean(axis=0), full_matrices=False)[2][:2]
    telling = spaces.telling
    rows = [
        {
            "space": name,
            "name": NAMES[name],
            "word": spaces.words[probe],
            "tells": None if telling[probe] < 0 else spaces.classes[telling[probe]],
            "x": float(x),
            "y": float(y),
        }
        for name in SPACES
        for probe, (x, y) in zip(chosen, (turned[name][chosen] - flat.mean(axis=0)) @ plane.T, strict=True)
    ]
    apart = {name: class_separation(spaces.vectors[name], telling, chosen) for name in SPACES}
    known = [value for value in apart.values() if value is not None]
    found = (
        "Share of the probe words' variance that lies between classes (all dimensions): "
        + ", ".join(f"{NAMES[name]} {words.percent(value)} %" for name, value in apart.items())
        + ".",
    )
    shown = (
        Shown(
            draw_map(rows),
            "One layout for all: the fine-tuned and the task-trained space are rotated onto word2vec by all words, "
            "then drawn in the plane in which word2vec's probe words spread most. Switch spaces on and off above.",
        ),
    )
    met = len(known) == len(SPACES) and known[0] < known[1] < known[2]
    return Part(MAP, met if known else None, found, tuple(rows), shown)


def class_separation(vectors: NDArray[np.float32], telling: NDArray[np.int64], chosen: Sequence[int]) -> float | None:
    """Return the share of the variance of telling probe words that lies between their classes."""
    places = [place for place in chosen if telling[place] >= 0]
    groups = {number: [place for place in places if telling[place] == number] for number in {*telling[places].tolist()}}
    if len(groups) < 2 or len(places) <= len(groups):
        return None
    centre = vectors[places].mean(axis=0)
    total = float(np.square(vectors[places] - centre).sum())
    between = sum(len(own) * float(np.square(vectors[own].mean(axis=0) - centre).sum()) for own in groups.values())
    return between / total
