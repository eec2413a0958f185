"""Lookup and one-hot multiplication compared number by number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from embexp.labs.lookup.layers import LAYERS, Layer, Lookup
from embexp.labs.parts import Expectation, Part, Row, Shown, table

EXPECTATION = Expectation(
    "equality",
    "Is an embedding layer a linear layer on one-hot vectors?",
    "With tied weights (W_linear = W_embedding^T, no bias) outputs, gradients row by row and the weights after k "
    "steps agree: to the bit where arithmetic does not round, elsewhere within what rounding explains. With each "
    "layer's own initialisation they do not agree, because nn.Embedding draws from N(0, 1) and nn.Linear from a "
    "uniform that shrinks with the vocabulary.",
)
REFERENCE = next(iter(LAYERS))
AGREEMENTS = ("to the bit", "within rounding", "differs")


@dataclass(frozen=True)
class Problem:
    """Texts, targets and first weights on which the layers are compared.

    Attributes:
        arithmetic: What the rows of results call it.
        matrix: First weights, shape (vocabulary, vector_size).
        batches: Token ids, shape (steps, texts, length).
        targets: Vectors the texts should have, shape (texts, vector_size); the loss is half the squared distance.
        exact: Whether no operation rounds, so that only equality to the bit will do.
        learning_rate: Of the optimisers.
    """

    arithmetic: str
    matrix: Tensor
    batches: Tensor
    targets: Tensor
    exact: bool
    learning_rate: float

    def tolerance(self, steps: int) -> float:
        """Bound the difference that rounding explains: one rounding for each term of each sum, times the scale."""
        if self.exact:
            return 0.0
        terms = self.batches[0].numel() * max(1, steps)
        scale = max(1.0, float(self.matrix.abs().max()))
        return float(terms * torch.finfo(self.matrix.dtype).eps * scale)


def make_problems(steps: int) -> list[Problem]:
    """Return the same kind of problem in float64 and float32, and one in float64 that never rounds."""
    rng = torch.Generator().manual_seed(8)
    vocabulary_size, vector_size, texts, length = 200, 16, 8, 12
    batches = torch.randint(0, vocabulary_size, (steps, texts, length), generator=rng)
    batches[:, :, 1] = batches[:, :, 0]  # every text repeats a word: the gradient of a row is a sum
    matrix = torch.randn(vocabulary_size, vector_size, generator=rng, dtype=torch.float64)
    targets = torch.randn(texts, vector_size, generator=rng, dtype=torch.float64)
    problems = [
        Problem(name, matrix.to(dtype), batches, targets.to(dtype), False, 0.1)
        for name, dtype in (("float64", torch.float64), ("float32", torch.float32))
    ]
    # Small integers, a length and a rate that are powers of two: every sum and product fits 53 bits for four steps.
    whole = torch.randint(-8, 9, (vocabulary_size, vector_size), generator=rng).double()
    wanted = torch.randint(-8, 9, (texts, vector_size), generator=rng).double()
    return [*problems, Problem("float64, no rounding", whole, batches[:4, :, :8], wanted, True, 0.25)]


def loss_of(layer: Layer, batch: Tensor, targets: Tensor) -> Tensor:
    """Return half the squared distance of the texts' mean vectors from their targets."""
    difference: Tensor = layer(batch) - targets
    return 0.5 * difference.square().sum()


OPTIMISERS: dict[str, Callable[[list[nn.Parameter], float], torch.optim.Optimizer]] = {
    "SGD": lambda parameters, rate: torch.optim.SGD(parameters, rate),
    "Adagrad": lambda parameters, rate: torch.optim.Adagrad(parameters, rate),
    "Adam": lambda parameters, rate: torch.optim.Adam(parameters, rate),
}


def compare(problem: Problem) -> list[Row]:
    """Compare every layer with nn.Embedding on one problem: output, gradient, and weights after all steps."""
    rows = []
    reference = _measure(LAYERS[REFERENCE], problem)
    for name, build in list(LAYERS.items())[1:]:
        for quantity, value in _measure(build, problem).items():
            if quantity in reference:
                steps = len(problem.batches) if "steps" in quantity else 0
                rows.append(_compared(problem, name, quantity, value, reference[quantity], steps))
    return rows


def _measure(build: Callable[[Tensor], Layer], problem: Problem) -> dict[str, Tensor]:
    layer = build(problem.matrix)
    loss_of(layer, problem.batches[0], problem.targets).backward()  # type: ignore[no-untyped-call]
    measured = {
        "output for single words": layer(problem.batches[0].reshape(-1, 1)).detach(),
        "output": layer(problem.batches[0]).detach(),
        "gradient": layer.gradient().clone(),
    }
    names = ["SGD"] if problem.exact else list(OPTIMISERS)  # the others take roots, which round
    for name in names:
        trained = _train(build, problem, name)
        if trained is not None:
            measured[f"weights after {len(problem.batches)} steps of {name}"] = trained
    return measured


def _train(build: Callable[[Tensor], Layer], problem: Problem, optimiser_name: str) -> Tensor | None:
    """Return the matrix after all steps; None where the optimiser refuses sparse gradients."""
    layer = build(problem.matrix)
    optimiser = OPTIMISERS[optimiser_name](list(layer.parameters()), problem.learning_rate)
    for batch in problem.batches:
        optimiser.zero_grad()
        loss_of(layer, batch, problem.targets).backward()  # type: ignore[no-untyped-call]
        try:
            optimiser.step()
        except RuntimeError:
            return None
    return layer.matrix()


def _compared(problem: Problem, name: str, quantity: str, value: Tensor, reference: Tensor, steps: int) -> Row:
    difference = float((value - reference).abs().max())
    tolerance = problem.tolerance(steps)
    bitwise = torch.equal(value, reference)
    return {
        "arithmetic": problem.arithmetic,
        "layer": name,
        "quantity": quantity,
        "entries": value.numel(),
        "entries_that_differ": int((value != reference).sum()),
        "largest_difference": difference,
        "tolerance": tolerance,
        "agreement": "to the bit" if bitwise else "within rounding" if difference <= tolerance else "differs",
        "holds": bitwise if problem.exact else difference <= tolerance,
    }


def untied() -> list[Row]:
    """Compare the layers as PyTorch initialises them: how large are the weights of each?"""
    rows = []
    for vocabulary_size in (100, 10_000):
        torch_rng = torch.get_rng_state()
        torch.manual_seed(8)
        embedding, linear = nn.Embedding(vocabulary_size, 16), nn.Linear(vocabulary_size, 16, bias=False)
        torch.set_rng_state(torch_rng)
        spreads = [float(layer.weight.detach().std()) for layer in (embedding, linear)]
        rows.append(
            {
                "vocabulary": vocabulary_size,
                "sd_embedding": spreads[0],
                "sd_linear": spreads[1],
                "ratio": spreads[0] / spreads[1],
                "holds": spreads[0] > 2 * spreads[1],
            }
        )
    return rows


def summarise(rows: list[Row]) -> list[Row]:
    """Return, for each layer, the comparisons that agree to the bit and within rounding in each arithmetic."""
    kinds = list(dict.fromkeys(row["arithmetic"] for row in rows))
    summary = []
    for name in list(LAYERS)[1:]:
        own: Row = {"layer": name}
        for kind in kinds:
            found = [row for row in rows if (row["layer"], row["arithmetic"]) == (name, kind)]
            counts = [(word, sum(row["agreement"] == word for row in found)) for word in AGREEMENTS]
            own[kind] = ", ".join(f"{number} {word}" for word, number in counts if number)
        summary.append(own)
    return summary


def departures() -> list[Row]:
    """Find the options of nn.Embedding with which it is no longer that linear layer."""
    torch_rng = torch.Generator().manual_seed(8)
    matrix = torch.randn(10, 4, generator=torch_rng, dtype=torch.float64)
    batch = torch.tensor([[1, 1, 2], [3, 0, 0]])
    targets = torch.zeros(2, 4, dtype=torch.float64)
    plain = Lookup(matrix)
    loss_of(plain, batch, targets).backward()  # type: ignore[no-untyped-call]
    rows = []
    for name, options in (
        ("padding_idx=0", {"padding_idx": 0}),
        ("max_norm=1", {"max_norm": 1.0}),
        ("scale_grad_by_freq=True", {"scale_grad_by_freq": True}),
    ):
        layer = Lookup(matrix)
        layer.layer = nn.Embedding(len(matrix), matrix.shape[1], _weight=matrix.clone(), **options)
        output = layer(batch)
        loss_of(layer, batch, targets).backward()  # type: ignore[no-untyped-call]
        moved = (layer.gradient() != plain.gradient()).any(dim=1)
        changed = (layer.matrix() != matrix).any(dim=1)
        rows.append(
            {
                "option": name,
                "output_differs": not torch.equal(output, plain(batch)),
                "rows_with_another_gradient": moved.nonzero().ravel().tolist(),
                "rows_that_forward_changed": changed.nonzero().ravel().tolist(),
            }
        )
    return rows


def run_equality(full: bool) -> Part:
    """Compare all layers in all arithmetics."""
    steps = 200 if full else 50
    rows = [row for problem in make_problems(steps) for row in compare(problem)]
    free, options = untied(), departures()
    tied = sum(row["holds"] for row in rows)
    bitwise = sum(row["agreement"] == "to the bit" for row in rows)
    exact = [row for row in rows if row["tolerance"] == 0]
    worst = max(
        (row for row in rows if row["tolerance"] > 0), key=lambda row: row["largest_difference"] / row["tolerance"]
    )
    found = (
        f"Tied, {tied} of {len(rows)} comparisons hold; {bitwise} of them agree to the bit. Where nothing rounds, "
        f"{sum(row['holds'] for row in exact)} of {len(exact)} agree to the bit.",
        f"The largest difference relative to what rounding explains: {worst['quantity']} of {worst['layer']} in "
        f"{worst['arithmetic']}, {worst['largest_difference']:.1e} where {worst['tolerance']:.1e} would be explained.",
        "With PyTorch's own initialisation the embedding's weights are "
        + " and ".join(f"{row['ratio']:.0f} times ({row['vocabulary']:,} words)" for row in free)
        + " as large as the linear layer's.",
        *_departed(options),
    )
    columns = {
        "layer": "layer",
        "quantity": "compared with nn.Embedding",
        "arithmetic": "arithmetic",
        "agreement": "agreement",
        "entries_that_differ": "entries that differ",
        "entries": "of",
        "largest_difference": "largest difference",
        "tolerance": "explained by rounding",
    }
    return Part(
        EXPECTATION,
        met=tied == len(rows) and all(row["holds"] for row in free),
        found=found,
        rows=(*rows, *free, *options),
        shown=(
            Shown(
                table(
                    "equality_summary",
                    f"Output, gradient and weights after {steps} steps against nn.Embedding, weights tied.",
                    {key: key for key in summarise(rows)[0]},
                    summarise(rows),
                    texts=4,
                )
            ),
            Shown(table("equality", "Every comparison.", columns, rows, 4), folded="Every comparison"),
        ),
        notes=(
            "“Explained by rounding” is one rounding for each term of the longest sum and each step, times the "
            "largest weight: a bound for sums in another order, not a fitted number.",
        ),
        numbers={"comparisons": float(len(rows)), "comparisons_that_hold": float(tied)},
    )


def _departed(options: list[Row]) -> list[str]:
    sentences = []
    for row in options:
        effects = []
        if row["output_differs"]:
            effects.append("another output")
        if row["rows_with_another_gradient"]:
            effects.append(f"another gradient in rows {row['rows_with_another_gradient']}")
        if row["rows_that_forward_changed"]:
            effects.append(f"a forward pass that changes rows {row['rows_that_forward_changed']}")
        sentences.append(f"{row['option']}: {', '.join(effects) or 'no difference'}, on a batch of words 0 to 3.")
    return sentences
