"""What the transfer lab makes of its cells, and what it expects of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from embexp.conclude.measurements import Measurements
from embexp.conclude.report import words
from embexp.conclude.statistics.contrasts import Rules, contrasts
from embexp.conclude.statistics.curves import curves
from embexp.conclude.statistics.moments import Moments
from embexp.engine.store import Store
from embexp.engine.task import Task
from embexp.labs.parts import Expectation, Part, Row, Shown, table
from embexp.labs.transfer.figures import draw_gains
from embexp.labs.transfer.plan import Source, TransferCell

MATRIX = Expectation(
    "transfer",
    "What is another task's embedding layer worth?",
    "Word vectors of another task's text help a task with few labels more than the layer that this other task learned "
    "from the same text, because word2vec holds what all contexts say of a word and the layer what one task asked. "
    "Between tasks alike (both about film reviews) the layer helps, between others it does not. word2vec on the "
    "task's own text is best of what was trained here.",
)
SHARED = Expectation(
    "shared",
    "How much of that is vocabulary?",
    "On the words that all sources know the order of the sources stays, and the differences between them shrink.",
)
INTRINSIC = Expectation(
    "intrinsic",
    "Do the task's vectors still know what words mean?",
    "The layer that a task learned scores about zero on WordSim-353, SimLex-999 and analogies, word2vec on the same "
    "text more.",
)
MARGIN = 0.01
NOTHING = "random rows, start"  # the reference: a layer learned with the task from nothing

Arm = tuple[str, str]  # source, use


def arm_name(source: str, use: str) -> str:
    """Return what a source in one use is called."""
    return f"{source}, {use}"


def score_cells(cells: Sequence[TransferCell], store: Store, pool_sizes: Mapping[str, int]) -> list[Row]:
    """Return a row for each task, source, use, words and train size: accuracy, gain over learning from nothing."""
    rows = []
    groups = dict.fromkeys((cell.target, cell.words) for cell in cells)
    for target, kind in groups:
        own = [cell for cell in cells if (cell.target, cell.words) == (target, kind)]
        for name in dict.fromkeys(arm_name(cell.source.name, cell.use) for cell in own):
            rows += _score(own, name, store, pool_sizes[target])
    return rows


def _score(cells: Sequence[TransferCell], name: str, store: Store, pool_size: int) -> list[Row]:
    pair = dict.fromkeys((name, NOTHING))
    by_name = {each: [cell for cell in cells if arm_name(cell.source.name, cell.use) == each] for each in pair}
    moments, rules = Moments(_measurements(by_name, store, pool_size)), Rules(MARGIN)
    gains = {row["train_size"]: row for row in contrasts(moments, rules)} if len(pair) == 2 else {}
    rows = []
    for point in curves(moments, rules):
        if point["strategy"] != name:
            continue
        cell = next(cell for cell in by_name[name] if cell.train_size == point["train_size"])
        record = store.read_record(cell.task.fingerprint)
        gain = gains.get(point["train_size"], {})
        rows.append(_row(cell, point, record, gain))
    return rows


def _measurements(by_name: Mapping[str, Sequence[TransferCell]], store: Store, pool_size: int) -> Measurements:
    every = [cell for cells in by_name.values() for cell in cells]
    sizes, seeds = sorted({cell.train_size for cell in every}), sorted({cell.seed for cell in every})
    loaded = {cell.task.fingerprint: _correct(store, cell.task) for cell in every}
    texts = len(next(iter(loaded.values())))
    correct = np.zeros((len(by_name), len(sizes), len(seeds), texts), bool)
    for place, cells in enumerate(by_name.values()):
        for cell in cells:
            correct[place, sizes.index(cell.train_size), seeds.index(cell.seed)] = loaded[cell.task.fingerprint]
    present = np.ones(correct.shape[:3], bool)
    return Measurements(tuple(by_name), tuple(sizes), tuple(seeds), correct, present, pool_size)


def _correct(store: Store, task: Task) -> Any:
    return np.load(store.path(task.fingerprint) / "correct.npy", allow_pickle=False)


def _row(cell: TransferCell, point: Row, record: Mapping[str, Any], gain: Mapping[str, Any]) -> Row:
    difference, low, high = (gain.get(key) for key in ("difference", "ci_low", "ci_high"))
    interval = words.points_interval(low, high)
    return {
        "target": cell.target,
        "source": cell.source.name,
        "source_of": cell.source.of,
        "kind": cell.source.kind,
        "source_size": cell.source.train_size,
        "use": cell.use,
        "words": cell.words,
        "train_size": cell.train_size,
        "accuracy": point["mean"],
        "ci_low": point["ci_low"],
        "ci_high": point["ci_high"],
        "accuracy_in_words": words.mean_and_half_width(point),
        "gain": difference,
        "gain_low": low,
        "gain_high": high,
        "gain_in_words": "–" if difference is None else f"{words.points(difference)} ({interval or 'no interval'})",
        "covered_types": record["covered_types"],
        "covered_tokens": record["covered_tokens"],
        "coverage": "–" if cell.source.kind == "random" else f"{100 * record['covered_tokens']:.0f} %",
        "vocabulary": record["vocabulary"],
    }


def pick(rows: Sequence[Row], **wanted: Any) -> list[Row]:
    """Return the rows whose keys have the values wanted."""
    return [row for row in rows if all(row[key] == value for key, value in wanted.items())]


def compare_kinds(cells: Sequence[TransferCell], store: Store, pool_sizes: Mapping[str, int]) -> list[Row]:
    """Set word2vec on another task's text beside the layer this task learned from it, at the fewest labels, frozen.

    Of several sizes of the layer's task the one with most labels counts. Differences are paired by seed and text;
    their intervals are for new seeds and new test texts.
    """
    own = [cell for cell in cells if cell.use == "frozen" and cell.words == "all"]
    pairs: list[Row] = []
    for target, other in dict.fromkeys((cell.target, cell.source.of) for cell in own if cell.source.kind == "matrix"):
        fewest = min(cell.train_size for cell in own if cell.target == target)
        here = [cell for cell in own if (cell.target, cell.source.of, cell.train_size) == (target, other, fewest)]
        most = max(cell.source.train_size or 0 for cell in here)
        kinds = {
            "word2vec": [cell for cell in here if cell.source.kind == "vectors"],
            "layer": [cell for cell in here if cell.source.train_size == most],
        }
        if all(kinds.values()):
            row = contrasts(Moments(_measurements(kinds, store, pool_sizes[target])), Rules(MARGIN))[0]
            kept = {key: row[key] for key in ("difference", "ci_low", "ci_high")}
            pairs.append({"target": target, "other": other, "train_size": fewest, "layer_size": most} | kept)
    return pairs


def report_matrix(rows: Sequence[Row], pairs: Sequence[Row]) -> Part:
    """Show every task with every source on all its words."""
    own = pick(rows, words="all")
    met = all((pair["ci_low"] or 0) > 0 for pair in pairs) if pairs else None
    found = []
    for target in dict.fromkeys(row["target"] for row in own):
        of_target = [row for row in own if row["target"] == target]
        fewest = min(row["train_size"] for row in of_target)
        ranked = sorted(pick(of_target, train_size=fewest), key=lambda row: -row["accuracy"])
        best = ", ".join(
            f"{arm_name(row['source'], row['use'])} {words.percent(row['accuracy'])} %" for row in ranked[:3]
        )
        nothing = next(row for row in ranked if arm_name(row["source"], row["use"]) == NOTHING)
        found.append(
            f"{target}, {fewest:,} labels: {best}; learned from nothing {words.percent(nothing['accuracy'])} %."
        )
        met = met and ranked_own_word2vec(ranked, target)
    found += [
        f"{pair['target']}, frozen: word2vec on {pair['other']}'s text gives {words.points(pair['difference'])} points "
        f"({words.points_interval(pair['ci_low'], pair['ci_high']) or 'no interval'}) over the layer that "
        f"{pair['other']} learned from {pair['layer_size']:,} labels."
        for pair in pairs
    ]
    return Part(
        MATRIX,
        met,
        tuple(found),
        (*own, *pairs),
        (
            Shown(
                draw_gains(own),
                "Frozen vectors, all words. Of a task's layer the one learned with most labels; the word beside a "
                "point is the task it comes from.",
            ),
            Shown(_matrix("transfer_matrix", "Test accuracy in percent at the fewest labels, on all words", own)),
            Shown(_table("transfer", "Every task with every source, on all its words.", own), folded="With gains"),
        ),
        (
            "Gains are over the same classifier with rows learned from nothing (“random rows, start”), paired by seed "
            "and text; intervals are for new seeds and new test texts. Of a layer only the rows count that its task's "
            "labelled texts trained; other words get the mean vector and noise, as with word2vec.",
        ),
        {f"word2vec_minus_layer_{pair['other']}_to_{pair['target']}": pair["difference"] for pair in pairs},
    )


def ranked_own_word2vec(ranked: Sequence[Row], target: str) -> bool:
    """Whether word2vec on the task's own text, in some use, is best of what was trained here."""
    trained = [row for row in ranked if row["source"] != "pre-trained"]
    return bool(trained) and trained[0]["source"] == f"word2vec on {target}"


def report_shared(rows: Sequence[Row]) -> Part:
    """Show the same on the words that all sources of a task know."""
    own = pick(rows, words="shared")
    found, orders, shrinks = [], [], []
    for target in dict.fromkeys(row["target"] for row in own):
        fewest = min(row["train_size"] for row in own if row["target"] == target)
        both = [
            {row["source"]: row for row in pick(rows, words=kind, target=target, use="frozen", train_size=fewest)}
            for kind in ("all", "shared")
        ]
        sources = [name for name, row in both[0].items() if row["kind"] != "random"]
        scores = [[kind[name]["accuracy"] for name in sources] for kind in both]
        spread = [max(each) - min(each) for each in scores]
        orders.append(np.argmax(scores[0]) == np.argmax(scores[1]))
        shrinks.append(spread[1] < spread[0])
        known = both[1][sources[0]]["vocabulary"]
        covered = ", ".join(f"{name} {both[0][name]['coverage']}" for name in sources)
        found.append(
            f"{target}: {known:,} of {both[0][sources[0]]['vocabulary']:,} words are known to all sources (tokens of "
            f"the test texts covered: {covered}). Frozen, at {fewest:,} labels, the sources lie "
            f"{words.percent(spread[0])} points apart on all words and {words.percent(spread[1])} on the shared ones; "
            f"the best source {'stays' if orders[-1] else 'changes'}."
        )
    return Part(
        SHARED,
        all(orders) and all(shrinks),
        tuple(found),
        tuple(own),
        (
            Shown(_matrix("shared_matrix", "Test accuracy in percent at the fewest labels, shared words", own)),
            Shown(_table("shared", "The same with only the words that all sources know.", own), folded="With gains"),
        ),
    )


def _matrix(name: str, caption: str, rows: Sequence[Row]) -> Any:
    """Return the table of sources by tasks, each at its fewest labels."""
    targets = list(dict.fromkeys(row["target"] for row in rows))
    fewest = {target: min(row["train_size"] for row in pick(rows, target=target)) for target in targets}
    body: list[Row] = []
    for source, use in dict.fromkeys((row["source"], row["use"]) for row in rows):
        line: Row = {"source": source, "use": use}
        for target in targets:
            met = pick(rows, source=source, use=use, target=target, train_size=fewest[target])
            line[target] = met[0]["accuracy_in_words"] if met else None
        body.append(line)
    columns = {"source": "source", "use": "used"}
    columns |= {target: f"{target}, {fewest[target]:,} labels" for target in targets}
    return table(name, f"{caption}: mean ± half the 95 % interval.", columns, body, texts=2)


def _table(name: str, caption: str, rows: Sequence[Row]) -> Any:
    columns = {
        "target": "task",
        "source": "source",
        "use": "used",
        "train_size": "labels",
        "accuracy_in_words": "test accuracy, %",
        "gain_in_words": "points over learned from nothing",
        "coverage": "tokens covered",
    }
    return table(name, caption, columns, list(rows), texts=3)


def report_intrinsic(judged: Mapping[str, tuple[Source, Task]], store: Store) -> Part:
    """Show the intrinsic scores of every source."""
    rows = []
    for name, (source, task) in judged.items():
        card = store.read_record(task.fingerprint)
        row: Row = {"source": name, "kind": source.kind, "source_of": source.of, "vectors": card["words"]}
        for benchmark in card["similarity"]:
            row[benchmark["name"]] = benchmark["spearman"]
            row[f"{benchmark['name']} in words"] = _score_in_words(benchmark)
        analogies = card["analogies"]
        row["analogies"] = analogies["accuracy"]
        asked = f"of {analogies['asked']:,}"
        row["analogies in words"] = "–" if row["analogies"] is None else f"{100 * row['analogies']:.1f} % {asked}"
        rows.append(row)
    names = [key.removesuffix(" in words") for key in rows[0] if key.endswith(" in words")]
    first = names[0]
    pairs = [
        (layer, vectors)
        for layer in rows
        if layer["kind"] == "matrix"
        for vectors in rows
        if vectors["kind"] == "vectors" and vectors["source_of"] == layer["source_of"]
    ]
    known = [(layer[first], vectors[first]) for layer, vectors in pairs if None not in (layer[first], vectors[first])]
    found = [
        f"{layer['source']}: {first} {layer[f'{first} in words']}; {vectors['source']}: {vectors[f'{first} in words']}."
        for layer, vectors in pairs
    ]
    columns = {"source": "source", "vectors": "words", **{f"{name} in words": name for name in names}}
    return Part(
        INTRINSIC,
        all(abs(layer) < 0.1 and vectors > layer for layer, vectors in known) if known else None,
        tuple(found) or ("No layer and word2vec of the same text to compare.",),
        tuple(rows),
        (Shown(table("intrinsic", "Spearman's correlation, and analogies answered rightly.", columns, rows)),),
        (
            "Each source is judged on the pairs whose words it knows; a layer knows the words of its labelled texts "
            "only. Corpora of this size score low by nature, whatever made the vectors.",
        ),
    )


def _score_in_words(row: Mapping[str, Any]) -> str:
    if row["spearman"] is None:
        return "–"
    interval = "" if row["ci_low"] is None else f" ({row['ci_low']:.2f} to {row['ci_high']:.2f})"
    return f"{row['spearman']:.2f}{interval}, {row['pairs']} pairs"
