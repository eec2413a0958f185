"""Mean and maximum over the tokens of a text, with padding and without."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from embexp.classify.encoders.flat import FlatTexts


def pool_padded(vectors: Tensor, lengths: Tensor, pooling: str) -> Tensor:
    """Return each text's pooled vectors, zeros for an empty text.

    Args:
        vectors: Of padded texts, shape (texts, longest, size).
        lengths: Tokens of each text, int64, shape (texts,).
        pooling: mean, max, or mean_max, which stands both side by side.

    Returns:
        Shape (texts, size), twice the size for mean_max.
    """
    mask = (torch.arange(vectors.shape[1], device=lengths.device) < lengths[:, None])[:, :, None]
    pooled = []
    if pooling != "max":
        pooled.append((vectors * mask).sum(dim=1) / lengths.clamp(min=1)[:, None])
    if pooling != "mean":
        highest = vectors.masked_fill(~mask, -torch.inf).amax(dim=1)
        pooled.append(torch.where(lengths[:, None] > 0, highest, 0.0))
    return pooled[0] if len(pooled) == 1 else torch.cat(pooled, dim=1)


def pool_flat(vectors: Tensor, texts: FlatTexts, pooling: str) -> Tensor:
    """Return the same for texts without padding, whose ids are places in `vectors`, shape (rows, size)."""
    ids = torch.from_numpy(texts.ids).to(vectors.device)
    starts = torch.from_numpy(texts.offsets[:-1]).to(vectors.device)
    pooled = []
    if pooling != "max":
        weights = torch.from_numpy(texts.mean_weights()).to(vectors.device)
        pooled.append(nn.functional.embedding_bag(ids, vectors, starts, mode="sum", per_sample_weights=weights))
    if pooling != "mean":
        pooled.append(nn.functional.embedding_bag(ids, vectors, starts, mode="max"))
    return pooled[0] if len(pooled) == 1 else torch.cat(pooled, dim=1)
