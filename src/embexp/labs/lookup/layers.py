"""Five ways to turn token ids into the mean vector of a text, with one matrix behind each."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional


class Layer(nn.Module):
    """Maps token ids, int64, shape (texts, length), to mean vectors, shape (texts, vector_size)."""

    def matrix(self) -> Tensor:
        """Return the embedding matrix, shape (vocabulary, vector_size)."""
        raise NotImplementedError

    def gradient(self) -> Tensor:
        """Return its gradient in the same shape, dense."""
        raise NotImplementedError


class Lookup(Layer):
    """nn.Embedding, then the mean over the tokens."""

    def __init__(self, matrix: Tensor, sparse: bool = False) -> None:
        super().__init__()
        weight = matrix.clone()
        self.layer: nn.Embedding | nn.EmbeddingBag = nn.Embedding(
            len(weight), weight.shape[1], _weight=weight, sparse=sparse
        )

    def forward(self, token_ids: Tensor) -> Tensor:
        """Return the mean vectors."""
        vectors: Tensor = self.layer(token_ids)
        return vectors.mean(dim=1)

    def matrix(self) -> Tensor:
        """Return the weight as it is."""
        return self.layer.weight.detach()

    def gradient(self) -> Tensor:
        """Return the weight's gradient, made dense if need be."""
        return _dense(self.layer.weight.grad)


class SparseLookup(Lookup):
    """nn.Embedding(sparse=True): the gradient holds the batch's rows only."""

    def __init__(self, matrix: Tensor) -> None:
        super().__init__(matrix, sparse=True)


class Bag(Lookup):
    """nn.EmbeddingBag(mode='mean'): lookup and mean in one operation."""

    def __init__(self, matrix: Tensor) -> None:
        super().__init__(matrix)
        self.layer: nn.Embedding | nn.EmbeddingBag = nn.EmbeddingBag(
            len(matrix), matrix.shape[1], _weight=matrix.clone(), mode="mean"
        )

    def forward(self, token_ids: Tensor) -> Tensor:
        """Return the mean vectors."""
        vectors: Tensor = self.layer(token_ids)
        return vectors


class OneHotLinear(Layer):
    """A one-hot vector for each token, nn.Linear without bias, then the mean."""

    def __init__(self, matrix: Tensor) -> None:
        super().__init__()
        self.layer = nn.Linear(matrix.shape[0], matrix.shape[1], bias=False, dtype=matrix.dtype)
        self.layer.weight.data = matrix.T.clone()  # W_linear = W_embedding^T

    def forward(self, token_ids: Tensor) -> Tensor:
        """Return the mean vectors."""
        one_hot = functional.one_hot(token_ids, self.layer.in_features).to(self.layer.weight.dtype)
        vectors: Tensor = self.layer(one_hot)
        return vectors.mean(dim=1)

    def matrix(self) -> Tensor:
        """Return the weight, transposed."""
        return self.layer.weight.detach().T

    def gradient(self) -> Tensor:
        """Return the weight's gradient, transposed."""
        return _dense(self.layer.weight.grad).T


class CountsLinear(OneHotLinear):
    """The text's word counts, divided by its length, through nn.Linear: the mean taken before the product."""

    def forward(self, token_ids: Tensor) -> Tensor:
        """Return the mean vectors."""
        one_hot = functional.one_hot(token_ids, self.layer.in_features).to(self.layer.weight.dtype)
        vectors: Tensor = self.layer(one_hot.mean(dim=1))
        return vectors


class SparseOneHot(Layer):
    """A sparse one-hot matrix (tokens, vocabulary) times the weight, then the mean."""

    def __init__(self, matrix: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(matrix.clone())

    def forward(self, token_ids: Tensor) -> Tensor:
        """Return the mean vectors."""
        vectors = sparse_one_hot(token_ids.ravel(), self.weight.shape[0], self.weight.dtype) @ self.weight
        return vectors.reshape(*token_ids.shape, -1).mean(dim=1)

    def matrix(self) -> Tensor:
        """Return the weight as it is."""
        return self.weight.detach()

    def gradient(self) -> Tensor:
        """Return the weight's gradient."""
        return _dense(self.weight.grad)


def sparse_one_hot(token_ids: Tensor, vocabulary_size: int, dtype: torch.dtype) -> Tensor:
    """Return one-hot rows as a sparse COO tensor, shape (tokens, vocabulary)."""
    places = torch.stack([torch.arange(len(token_ids), device=token_ids.device), token_ids])
    ones = torch.ones(len(token_ids), dtype=dtype, device=token_ids.device)
    size = (len(token_ids), vocabulary_size)
    return torch.sparse_coo_tensor(places, ones, size, check_invariants=False, is_coalesced=True)


def _dense(gradient: Tensor | None) -> Tensor:
    if gradient is None:
        raise ValueError("no gradient yet: call backward first")
    return gradient.to_dense() if gradient.is_sparse else gradient


# The first is what the others are compared with.
LAYERS: dict[str, Callable[[Tensor], Layer]] = {
    "nn.Embedding": Lookup,
    "nn.Embedding, sparse gradient": SparseLookup,
    "nn.EmbeddingBag": Bag,
    "one-hot + nn.Linear": OneHotLinear,
    "counts + nn.Linear": CountsLinear,
    "sparse one-hot": SparseOneHot,
}
