"""Studies drawn from a population whose truth is known: for calibration, tests and examples.

Text t is classified rightly by the classifier of strategy s, train size k and seed r if a latent normal
variable is positive,

    z = m[s,k] + difficulty[t] + taste[s,k,t] + luck[s,k,r] + noise[s,k,r,t],

whose four random parts have variances that add up to 1. So the accuracy over new seeds and new texts is
exactly Phi(m[s,k]), and m is chosen to make it the planted one:

- difficulty is shared by all cells (texts are hard or easy for everybody);
- taste is what a strategy always gets right or wrong on a text, whatever the seed, much alike at
  neighbouring sizes;
- luck is the seed's: a good subset or initialisation, partly shared by strategies, since they
  are paired by seed;
- noise is what one classifier does to one text.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri, owens_t

from embexp.conclude.measurements import Measurements

Array = npt.NDArray[np.float64]

TRAIN_SIZES = (100, 300, 1000, 3000, 10000, 20000)
CURVES: Mapping[str, tuple[float, ...]] = {
    "random": (0.709, 0.779, 0.827, 0.855, 0.882, 0.893),
    "frozen": (0.790, 0.812, 0.828, 0.842, 0.850, 0.852),
    "finetuned": (0.731, 0.797, 0.834, 0.861, 0.885, 0.894),
    "tfidf": (0.598, 0.773, 0.837, 0.866, 0.883, 0.897),
    "random_frozen": (0.560, 0.610, 0.660, 0.700, 0.735, 0.750),
}


@dataclass(frozen=True)
class Population:
    """A planted truth from which studies can be drawn.

    Attributes:
        strategies: Names, first axis of `accuracy`.
        train_sizes: Labels spent, second axis of `accuracy`.
        accuracy: True accuracy over new seeds and new texts, shape (strategies, train_sizes).
        seed_sd: Standard deviation over seeds of a strategy's true accuracy, shape (train_sizes,). With the
            default `seed_correlation` of .5 this is also that of the difference of two strategies.
        disagreement: Share of texts that two strategies of equal accuracy judge differently.
        persistence: Part of that disagreement (on the latent scale) that is the same for all seeds.
        seed_correlation: Correlation between strategies of what the seed does to them.
        size_correlation: Correlation of taste and luck between neighbouring train sizes.
        pool_size: Labelled texts in the pool.
        deterministic: Strategies that give the same classifier for every seed at train size = pool.
    """

    strategies: tuple[str, ...]
    train_sizes: tuple[int, ...]
    accuracy: Array
    seed_sd: Array
    disagreement: float = 0.06
    persistence: float = 0.6
    seed_correlation: float = 0.5
    size_correlation: float = 0.7
    pool_size: int = 20000
    deterministic: tuple[str, ...] = ("tfidf",)

    def variances(self) -> tuple[Array, Array, Array, Array]:
        """Return latent variances of difficulty, taste, luck, noise, each (strategies, train_sizes)."""
        threshold = ndtri(self.accuracy)
        density = np.exp(-(threshold**2) / 2) / np.sqrt(2 * np.pi)
        luck = (self.seed_sd / density) ** 2
        at_pool = np.array(self.train_sizes) == self.pool_size
        for index, name in enumerate(self.strategies):
            if name in self.deterministic:
                luck[index, at_pool] = 0.0
        shared = np.array([_latent_correlation(row.mean(), self.disagreement) for row in self.accuracy.T])
        own = 1 - shared - (1 - self.seed_correlation) * luck
        difficulty = 1 - own - luck
        if (own < 0).any() or (difficulty < 0).any():
            raise ValueError("seed_sd leaves no room: take less of it, or more disagreement")
        return difficulty, self.persistence * own, luck, (1 - self.persistence) * own

    def draw(
        self,
        generator: np.random.Generator,
        seeds: int,
        texts: int,
        missing: Collection[tuple[str, int, int]] = (),
    ) -> Measurements:
        """Draw one study: new seeds and new texts.

        Args:
            generator: Source of all randomness.
            seeds: Number of seeds.
            texts: Number of test texts.
            missing: Cells (strategy, train_size, seed) that failed.
        """
        difficulty, taste, luck, noise = (np.sqrt(part)[..., None] for part in self.variances())
        by_text = ndtri(self.accuracy)[..., None] + difficulty * generator.standard_normal(texts)
        by_text = by_text + taste * self._along_sizes(generator, 0.0, texts)
        by_seed = luck * self._along_sizes(generator, self.seed_correlation, seeds)
        shape = (*self.accuracy.shape, seeds, texts)
        correct = np.empty(shape, dtype=np.bool_)
        for s, k in np.ndindex(self.accuracy.shape):
            one_for_all = self.strategies[s] in self.deterministic and self.train_sizes[k] == self.pool_size
            correct[s, k] = by_text[s, k] > 0
            # Noise beyond 6 standard deviations (once in 5e8 draws) is left out, which spares most texts theirs.
            near = np.abs(by_text[s, k]) < np.abs(by_seed[s, k]).max() + 6 * noise[s, k]
            own = generator.standard_normal((1 if one_for_all else seeds, near.sum()), dtype=np.float32)
            own *= noise[s, k].astype(np.float32)
            own += by_text[s, k, near].astype(np.float32)
            correct[s, k][:, near] = own > -by_seed[s, k, :, None].astype(np.float32)
        present = np.ones(shape[:3], dtype=np.bool_)
        for strategy, train_size, seed in missing:
            present[self.strategies.index(strategy), self.train_sizes.index(train_size), seed] = False
        correct &= present[..., None]
        return Measurements(self.strategies, self.train_sizes, tuple(range(seeds)), correct, present, self.pool_size)

    def _along_sizes(self, generator: np.random.Generator, shared: float, units: int) -> Array:
        """Draw standard normals (strategies, sizes, units): autoregressive over sizes, partly shared."""
        strategies, sizes = self.accuracy.shape
        fresh: Array = np.sqrt(shared) * generator.standard_normal((1, sizes, units)) + np.sqrt(
            1 - shared
        ) * generator.standard_normal((strategies, sizes, units))
        for k in range(1, sizes):
            fresh[:, k] = self.size_correlation * fresh[:, k - 1] + np.sqrt(1 - self.size_correlation**2) * fresh[:, k]
        return fresh


def _latent_correlation(accuracy: float, disagreement: float) -> float:
    """Return the correlation at which two classifiers of equal accuracy disagree on this share of texts."""
    threshold = float(ndtri(accuracy))
    if disagreement >= 2 * accuracy * (1 - accuracy):
        raise ValueError(f"two classifiers of accuracy {accuracy} cannot disagree on {disagreement} of the texts")

    def excess(correlation: float) -> float:
        # P(both right) = Phi(m) - 2 T(m, a): Owen 1956, section 2.
        return float(4 * owens_t(threshold, np.sqrt((1 - correlation) / (1 + correlation)))) - disagreement

    return float(brentq(excess, 0.0, 1 - 1e-12))


def plant(
    curves: Mapping[str, tuple[float, ...]] | None = None,
    train_sizes: tuple[int, ...] = TRAIN_SIZES,
    *,
    seed_sd: tuple[float, float] = (0.015, 0.003),
    disagreement: float = 0.06,
    persistence: float = 0.6,
    pool_size: int | None = None,
) -> Population:
    """Plant a population; by default the curves measured on film reviews, controls included.

    Args:
        curves: True accuracies of each strategy at `train_sizes`.
        train_sizes: Labels spent.
        seed_sd: Standard deviation over seeds at the smallest and at the largest size, log-linear between.
        disagreement: Share of texts that two strategies of equal accuracy judge differently.
        persistence: Part of it that is the same for all seeds.
        pool_size: Labelled texts in the pool; None takes the largest size.
    """
    curves = CURVES if curves is None else curves
    logs = np.log(np.array(train_sizes, dtype=np.float64))
    along = (logs - logs[0]) / max(float(logs[-1] - logs[0]), 1e-12)
    return Population(
        strategies=tuple(curves),
        train_sizes=train_sizes,
        accuracy=np.array([curves[name] for name in curves], dtype=np.float64),
        seed_sd=seed_sd[0] ** (1 - along) * seed_sd[1] ** along,
        disagreement=disagreement,
        persistence=persistence,
        pool_size=train_sizes[-1] if pool_size is None else pool_size,
    )


def simulate_measurements(
    seed: int,
    population: Population | None = None,
    *,
    seeds: int = 10,
    texts: int = 5000,
    missing: Collection[tuple[str, int, int]] = (),
) -> Measurements:
    """Draw one study from a population, by default five strategies on film reviews; same seed, same study.

    Args:
        seed: Of the generator.
        population: The planted truth; None takes `plant()`.
        seeds: Number of seeds of the study.
        texts: Number of test texts.
        missing: Cells (strategy, train_size, seed) that failed.
    """
    return (population or plant()).draw(np.random.default_rng(seed), seeds, texts, missing)


def true_components(population: Population) -> tuple[Array, Array, Array]:
    """Return the covariances of seed, text and rest effects that a population really has.

    Two latent variables that share the seed, the text, or both are correlated by what they share, and the mean
    product of the two answers is a bivariate normal probability.

    Args:
        population: One without a deterministic cell.

    Returns:
        Three matrices over the cells, strategies first, then sizes; each (C, C).
    """
    strategies, sizes = population.accuracy.shape
    difficulty, taste, luck, _ = (np.sqrt(part).ravel() for part in population.variances())
    threshold = ndtri(population.accuracy).ravel()
    strategy, size = np.divmod(np.arange(strategies * sizes), sizes)
    same = strategy[:, None] == strategy[None, :]
    along = population.size_correlation ** np.abs(size[:, None] - size[None, :])
    by_text = np.outer(difficulty, difficulty) + np.where(same, along * np.outer(taste, taste), 0.0)
    by_seed = np.where(same, 1.0, population.seed_correlation) * along * np.outer(luck, luck)
    by_both = np.where(np.eye(len(threshold)) == 1, 1.0, by_text + by_seed)
    chance = np.outer(population.accuracy.ravel(), population.accuracy.ravel())
    seed, text, both = (both_right(threshold, part) - chance for part in (by_seed, by_text, by_both))
    return seed, text, both - seed - text


def both_right(threshold: Array, correlation: Array) -> Array:
    """Return P(x < h, y < k) for standard normals, h and k from `threshold` > 0, by Owen (1956), equation 3.1.

    Args:
        threshold: Shape (C,).
        correlation: Of x and y, shape (C, C).
    """
    h, k = np.meshgrid(threshold, threshold, indexing="ij")
    inside = np.clip(correlation, -1 + 1e-15, 1 - 1e-15)
    root = np.sqrt(1 - inside**2)
    result = (ndtr(h) + ndtr(k)) / 2 - owens_t(h, (k / h - inside) / root) - owens_t(k, (h / k - inside) / root)
    return np.asarray(np.where(correlation >= 1, np.minimum(ndtr(h), ndtr(k)), result))
