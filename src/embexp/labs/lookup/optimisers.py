"""Which rows of an embedding matrix move in a step, found by experiment for every optimiser."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from embexp.labs.lookup.layers import Layer, Lookup, OneHotLinear
from embexp.labs.parts import Expectation, Part, Row, Shown, table

EXPECTATION = Expectation(
    "optimisers",
    "Which rows move in a step?",
    "The gradient of a lookup is zero outside the batch's rows, so the optimiser decides. Plain SGD, Adagrad, "
    "RMSprop and SparseAdam move the batch's rows only; momentum and the moments of Adam and AdamW also move rows "
    "seen earlier; weight decay moves all rows. With a dense gradient lookup and one-hot multiplication never part; "
    "SparseAdam on a lookup parts from Adam on one-hot vectors at the second step.",
)
ROWS, VECTOR_SIZE, STEPS, RATE = 12, 4, 30, 0.1
BATCH, EARLIER, ALL = "only the batch's", "also those seen earlier", "all"
DECAY = 0.01
SAME = 1e-9  # relative; rounding in float64 stays below, a different rule goes above


@dataclass(frozen=True)
class Rule:
    """An optimiser, what it should move, and why.

    Attributes:
        name: What the table calls it.
        optimiser: The class in torch.optim.
        options: Beside rate and weight decay.
        moves: Which rows should move without weight decay.
        why: The update rule in a sentence.
        twin: Name of the rule that the one-hot layer uses beside it: its own, unless it refuses dense gradients.
    """

    name: str
    optimiser: Callable[..., torch.optim.Optimizer]
    options: dict[str, Any]
    moves: str
    why: str
    twin: str = ""


RULES = {
    rule.name: rule
    for rule in (
        Rule("SGD", torch.optim.SGD, {}, BATCH, "the step is the gradient, which is zero elsewhere"),
        Rule(
            "SGD, momentum .9",
            torch.optim.SGD,
            {"momentum": 0.9},
            EARLIER,
            "the velocity of an earlier step lives on and goes on moving its rows",
        ),
        Rule(
            "Adagrad",
            torch.optim.Adagrad,
            {},
            BATCH,
            "the gradient is scaled by its own history; nothing is carried over, so zero stays zero",
        ),
        Rule(
            "Adam",
            torch.optim.Adam,
            {},
            EARLIER,
            "the first moment fades slowly, and each step moves by it whether the row was seen or not",
        ),
        Rule(
            "AdamW",
            torch.optim.AdamW,
            {},
            EARLIER,
            "Adam's moments; its decay, where there is one, is applied to every row directly",
        ),
        Rule(
            "SparseAdam",
            torch.optim.SparseAdam,
            {},
            BATCH,
            "moments are updated and applied for the batch's rows only: another method than Adam",
            twin="Adam",
        ),
        Rule(
            "RMSprop",
            torch.optim.RMSprop,
            {},
            BATCH,
            "without momentum the step is the scaled gradient; the scale of unseen rows fades, the rows stay",
        ),
    )
}


def batches() -> list[Tensor]:
    """Return the ids of each step: fixed first steps in which every kind of row occurs, then random ones.

    The last two rows never occur.
    """
    rng = torch.Generator().manual_seed(8)
    fixed = [[0, 1], [2, 3], [0, 4], [5, 5]]
    drawn = torch.randint(0, ROWS - 2, (STEPS - len(fixed), 2), generator=rng)
    return [torch.tensor(batch) for batch in fixed] + list(drawn)


def make_optimiser(rule: Rule, layer: Layer, weight_decay: float) -> torch.optim.Optimizer:
    """Build the optimiser; without weight decay the argument is left to its class.

    Raises:
        TypeError: If the class has no weight decay and some is wanted.
    """
    known = inspect.signature(rule.optimiser).parameters
    options = dict(rule.options)
    if weight_decay or "weight_decay" in known:
        options["weight_decay"] = weight_decay
    return rule.optimiser(layer.parameters(), lr=RATE, **options)


@dataclass
class Trace:
    """What was seen of one optimiser: which kinds of rows ever moved, and the matrix after each step."""

    moved: set[str]
    matrices: list[Tensor]
    refused: str = ""


def follow(rule: Rule, layer: Layer, weight_decay: float) -> Trace:
    """Train a layer and note which rows change at each step."""
    trace = Trace(set(), [])
    targets = torch.linspace(-1, 1, VECTOR_SIZE, dtype=torch.float64)
    seen: set[int] = set()
    try:
        optimiser = make_optimiser(rule, layer, weight_decay)
        for batch in batches():
            before = layer.matrix().clone()
            optimiser.zero_grad()
            (layer(batch[:, None]) - targets).square().sum().backward()
            optimiser.step()
            now = set(batch.tolist())
            changed = set((layer.matrix() != before).any(dim=1).nonzero().ravel().tolist())
            kinds = {"batch": now, "earlier": seen - now, "never": set(range(ROWS)) - seen - now}
            trace.moved |= {kind for kind, rows in kinds.items() if rows & changed}
            trace.matrices.append(layer.matrix().clone())
            seen |= now
    except (RuntimeError, TypeError) as error:
        trace.refused = str(error).splitlines()[0]
    return trace


def name_moved(trace: Trace) -> str:
    """Put into words which rows moved."""
    if trace.refused:
        return "refused"
    if "never" in trace.moved:
        return ALL
    return EARLIER if "earlier" in trace.moved else BATCH


@dataclass(frozen=True)
class Parting:
    """Where two trainings part.

    Attributes:
        step: First step after which the matrices differ by more than rounding; None if there is none.
        difference: The largest difference after that step.
        other_rows: First step that moves a row in one of them only; None if there is none.
    """

    step: int | None = None
    difference: float | None = None
    other_rows: int | None = None

    def in_words(self) -> str:
        """Say it for a table."""
        if self.step is None:
            return f"never in {STEPS} steps"
        rows = "" if self.other_rows is None else f", other rows from step {self.other_rows}"
        return f"step {self.step} (by {self.difference:.0e}){rows}"


def find_parting(one: Trace, other: Trace) -> Parting:
    """Compare two trainings from the same first matrix, step by step."""
    step, difference, other_rows = None, None, None
    before = (first_matrix(), first_matrix())
    for number, (a, b) in enumerate(zip(one.matrices, other.matrices, strict=False), start=1):
        apart = float((a - b).abs().max())
        if step is None and apart > SAME * float(b.abs().max()):
            step, difference = number, apart
        moved = [(now != then).any(dim=1) for now, then in zip((a, b), before, strict=True)]
        if other_rows is None and not torch.equal(*moved):
            other_rows = number
        before = (a, b)
    return Parting(step, difference, other_rows)


def first_matrix() -> Tensor:
    """Return the weights with which every layer begins."""
    return torch.randn(ROWS, VECTOR_SIZE, generator=torch.Generator().manual_seed(8), dtype=torch.float64)


def truth_table() -> list[Row]:
    """Follow every optimiser with and without weight decay, with dense and sparse gradients."""
    rows = []
    for rule in RULES.values():
        for weight_decay in (0.0, DECAY):
            one_hot = follow(RULES[rule.twin or rule.name], OneHotLinear(first_matrix()), weight_decay)
            for sparse in (False, True):
                trace = follow(rule, Lookup(first_matrix(), sparse), weight_decay)
                rows.append(_row(rule, weight_decay, sparse, trace, one_hot))
    return rows


def _row(rule: Rule, weight_decay: float, sparse: bool, trace: Trace, one_hot: Trace) -> Row:
    expected = ALL if weight_decay else rule.moves
    moves = name_moved(trace)
    parting = Parting() if trace.refused or one_hot.refused else find_parting(trace, one_hot)
    should_part = 2 if rule.twin else None
    why = "weight decay shrinks every row at every step, seen or not" if weight_decay else rule.why
    beside = rule.twin or rule.name
    if trace.refused:
        apart_words = "–"
    elif one_hot.refused:
        apart_words = "no twin"
    else:
        apart_words = parting.in_words()
    return {
        "optimiser": rule.name,
        "weight_decay": weight_decay,
        "gradient": "sparse" if sparse else "dense",
        "expected": expected,
        "moves": moves,
        "one_hot_optimiser": beside,
        "first_apart": parting.step,
        "difference_then": parting.difference,
        "other_rows_from": parting.other_rows,
        "apart": apart_words,
        "why": f"PyTorch refuses: {trace.refused}" if trace.refused else why,
        "holds": None if trace.refused else moves == expected and parting.step == should_part,
    }


def pair_up(rows: list[Row]) -> list[Row]:
    """Return one row for each optimiser and weight decay, dense and sparse beside each other."""
    pairs = []
    for dense, sparse in zip(rows[::2], rows[1::2], strict=True):
        apart = [row["apart"] for row in (dense, sparse) if row["moves"] != "refused"]
        own = {key: dense[key] for key in ("optimiser", "weight_decay")}
        own |= {row["gradient"]: row["moves"] for row in (dense, sparse)}
        pairs.append(own | {"apart": "; ".join(dict.fromkeys(apart)) or "–"})
    return pairs


def explain() -> list[str]:
    """Return a sentence on each optimiser, and one on weight decay."""
    why = [f"{rule.name}: {rule.why}." for rule in RULES.values()]
    return [
        *why,
        "Weight decay: it shrinks every row at every step, seen or not.",
    ]


def run_optimisers(full: bool) -> Part:
    """Fill the truth table."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch, on options that it goes on to refuse
        rows = truth_table()
    ran = [row for row in rows if row["moves"] != "refused"]
    plain = [row for row in ran if not row["weight_decay"]]
    groups = {
        kind: list(dict.fromkeys(row["optimiser"] for row in plain if row["moves"] == kind))
        for kind in (BATCH, EARLIER, ALL)
    }
    decayed = [row for row in ran if row["weight_decay"]]
    parted = [row for row in ran if row["first_apart"] is not None]
    others = [row for row in ran if not row["holds"]]
    found = (
        "Without weight decay: "
        + "; ".join(f"{kind}: {', '.join(names)}" for kind, names in groups.items() if names)
        + ".",
        f"With weight decay {DECAY}: all rows move in {sum(row['moves'] == ALL for row in decayed)} of {len(decayed)} "
        "combinations that PyTorch runs.",
        "Lookup and one-hot part: "
        + (
            "; ".join(
                f"{row['optimiser']} ({row['gradient']}) from {row['one_hot_optimiser']}: {row['apart']}"
                for row in parted
            )
            or "never"
        )
        + f". {len(ran) - len(parted)} of {len(ran)} combinations never part.",
        f"{len(rows) - len(ran)} of {len(rows)} combinations are refused by PyTorch.",
        *(
            f"Otherwise than expected: {row['optimiser']}, {row['gradient']} gradient: moved {row['moves']}, "
            f"parts from one-hot: {row['apart']}."
            for row in others
        ),
    )
    columns = {
        "optimiser": "optimiser",
        "weight_decay": "weight decay",
        "dense": "moved, dense gradient",
        "sparse": "moved, sparse gradient",
        "apart": "parts from one-hot",
    }
    caption = (
        f"Rows of a lookup that moved in {STEPS} steps ({ROWS} words, two never seen), and the first step after which "
        "it differs from a one-hot layer under the same optimiser (SparseAdam beside Adam)."
    )
    return Part(
        EXPECTATION,
        met=not others,
        found=found,
        rows=tuple(rows),
        shown=(Shown(table("optimisers", caption, columns, pair_up(rows), texts=5)),),
        notes=tuple(explain()),
        numbers={"optimiser_rows_as_expected": float(len(ran) - len(others)), "optimiser_rows": float(len(ran))},
    )
