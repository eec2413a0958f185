"""The compiled training loop of mean-pooled texts: one pass over memory for each optimiser step.

A step of the usual loop moves the whole embedding matrix (dense gradient, dense optimiser). But a mean-pooled
text is a weighted sum of the rows of its distinct tokens, only those rows have a gradient, and with Adagrad a row
without a gradient does not move: updating just the rows of a batch *is* the dense update. Each step here

1. gathers the rows of the batch's texts and notes, for each distinct row, which texts hold it (a linked list),
2. runs the head (linear, ReLU, linear, softmax cross-entropy, or without the first two: fastText's form) forward and
   backward and takes its Adam step,
3. walks the distinct rows once: sums the row's gradient, updates Adagrad's accumulator and the row.

`reference.py` is the same computation in plain PyTorch with autograd; tests hold the two together. Signatures are
explicit, so that importing this module compiles it (or loads the compiled code) once for each process.

The head travels as two or four matrices: hidden weight (vector_size, hidden_size), hidden bias (1, hidden_size), output
weight (hidden_size, classes), output bias (1, classes), or the last two alone, the weight then of shape (vector_size,
classes); all arrays are C-contiguous float32 unless stated.
"""
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
from numba import types

from embexp.classify.prefetch import CACHE_LINE, prefetch

# The defaults of torch.optim.Adam and torch.optim.Adagrad.
BETA_1, BETA_2, ADAM_EPSILON = np.float32(0.9), np.float32(0.999), np.float32(1e-8)
ADAGRAD_EPSILON = np.float32(1e-10)
ONE = np.float32(1)
# How far ahead rows are asked for, in entries and in distinct rows: a table beyond the caches is read while the rows
# before it are computed (docs/engine.md has the figures).
ENTRIES_AHEAD, ROWS_AHEAD = 12, 4
BYTES_OF_TEXT = 1024  # of the next text's ids and counts: texts are read in random order
LINE, FLOAT_BYTES = np.int64(CACHE_LINE), 4
VALUE, GRADIENT, FIRST, SECOND = range(4)  # planes of a part of the head

_OPTIONS = {"nogil": True, "cache": True, "error_model": "numpy", "fastmath": {"contract"}}
_f32, _i64 = types.float32, types.int64
_matrix = types.float32[:, ::1]
_planes = types.float32[:, :, ::1]


def _readable(dtype: types.Type, dimensions: int = 1) -> types.Array:
    """Return the type of an array that is only read, so that memory-mapped files are taken too."""
    return types.Array(dtype, dimensions, "C", readonly=True)


_bags = (_readable(types.int32), _readable(_f32), _readable(_i64))


@nb.njit(_f32(_readable(_f32), _i64, _i64), **_OPTIONS)
def _tokens(counts, start, stop):
    """Return the sum of a text's counts: whole numbers, so exact and the same in any order."""
    total = np.float32(0)
    for entry in range(start, stop):
        total += counts[entry]
    return total


@nb.njit(types.void(_readable(_f32, 2), *_bags, _matrix), **_OPTIONS)
def pool_texts(matrix, indices, counts, offsets, pooled):
    """Write the mean row of each text's tokens into `pooled`, shape (texts, vector_size)."""
    pooled[:] = 0
    for text in range(pooled.shape[0]):
        tokens = _tokens(counts, offsets[text], offsets[text + 1])
        for entry in range(offsets[text], offsets[text + 1]):
            row, weight = indices[entry], counts[entry] / tokens
            if entry + ENTRIES_AHEAD < indices.size:
                for byte in range(0, matrix.shape[1] * FLOAT_BYTES, LINE):
                    prefetch(matrix, np.int64(indices[entry + ENTRIES_AHEAD]), byte)
            for k in range(pooled.shape[1]):
                pooled[text, k] += weight * matrix[row, k]


@nb.njit(types.void(_matrix, _matrix, _matrix, _matrix), **_OPTIONS)
def _hide(pooled, weight, bias, hidden):
    """Fill `hidden`: linear, ReLU."""
    for i in range(pooled.shape[0]):
        for j in range(hidden.shape[1]):
            hidden[i, j] = bias[0, j]
        for k in range(pooled.shape[1]):
            x = pooled[i, k]
            for j in range(hidden.shape[1]):
                hidden[i, j] += x * weight[k, j]
        for j in range(hidden.shape[1]):
            if not hidden[i, j] > 0:
                hidden[i, j] = 0


@nb.njit(_f32(_matrix, _readable(_i64), _matrix, _matrix, _matrix), **_OPTIONS)
def _classify(features, labels, weight, bias, errors):
    """Fill `errors` (d loss / d logits): linear, softmax; return the batch's mean cross-entropy."""
    batch_size, classes = errors.shape
    loss = np.float32(0)
    for i in range(batch_size):
        for c in range(classes):
            errors[i, c] = bias[0, c]
        for j in range(features.shape[1]):
            if features[i, j] != 0:
                for c in range(classes):
                    errors[i, c] += features[i, j] * weight[j, c]
        highest = errors[i, 0]
        for c in range(1, classes):
            highest = max(highest, errors[i, c])
        total = np.float32(0)
        label_logit = errors[i, labels[i]] - highest
        for c in range(classes):
            errors[i, c] = np.exp(errors[i, c] - highest)
            total += errors[i, c]
        loss += np.log(total) - label_logit
        for c in range(classes):
            errors[i, c] /= total * np.float32(batch_size)
        errors[i, labels[i]] -= ONE / np.float32(batch_size)
    return loss / np.float32(batch_size)


@nb.njit(types.void(_matrix, _matrix, _planes, _planes, types.b1, _matrix), **_OPTIONS)
def _output_backward(features, errors, weight, bias, rectified, feature_errors):
    """Fill the output layer's gradients and `feature_errors` (d loss / d features, before ReLU if `rectified`)."""
    weight[GRADIENT] = 0
    bias[GRADIENT] = 0
    for i in range(features.shape[0]):
        for c in range(errors.shape[1]):
            bias[GRADIENT, 0, c] += errors[i, c]
        for j in range(features.shape[1]):
            error = np.float32(0)
            if not rectified or features[i, j] > 0:
                for c in range(errors.shape[1]):
                    error += errors[i, c] * weight[VALUE, j, c]
                    weight[GRADIENT, j, c] += features[i, j] * errors[i, c]
            feature_errors[i, j] = error


@nb.njit(types.void(_matrix, _matrix, _planes, _planes), **_OPTIONS)
def _hidden_backward(pooled, hidden_errors, weight, bias):
    """Fill the hidden layer's gradients."""
    weight[GRADIENT] = 0
    bias[GRADIENT] = 0
    for i in range(pooled.shape[0]):
        for j in range(hidden_errors.shape[1]):
            bias[GRADIENT, 0, j] += hidden_errors[i, j]
        for k in range(pooled.shape[1]):
            x = pooled[i, k]
            for j in range(hidden_errors.shape[1]):
                weight[GRADIENT, k, j] += x * hidden_errors[i, j]


@nb.njit(types.void(_matrix, _matrix, _matrix, _matrix), **_OPTIONS)
def _pooled_errors(hidden_errors, hidden_weight, transposed, pooled_errors):
    """Fill d loss / d pooled text, shape (batch, vector_size); `transposed` is scratch for the weight."""
    for k in range(hidden_weight.shape[0]):
        for j in range(hidden_weight.shape[1]):
            transposed[j, k] = hidden_weight[k, j]
    pooled_errors[:] = 0
    for i in range(hidden_errors.shape[0]):
        for j in range(hidden_errors.shape[1]):
            x = hidden_errors[i, j]
            if x != 0:
                for k in range(pooled_errors.shape[1]):
                    pooled_errors[i, k] += x * transposed[j, k]


@nb.njit(types.void(_planes, _f32, _f32, _f32), **_OPTIONS)
def _adam(part, rate, second_scale, keep):
    """Take an Adam step with decoupled weight decay; `keep` is 1 - learning rate x decay."""
    weight, gradient, first, second = part[VALUE], part[GRADIENT], part[FIRST], part[SECOND]
    for i in range(weight.shape[0]):
        for j in range(weight.shape[1]):
            g = gradient[i, j]
            first[i, j] = BETA_1 * first[i, j] + (ONE - BETA_1) * g
            second[i, j] = BETA_2 * second[i, j] + (ONE - BETA_2) * g * g
            step = rate * first[i, j] / (np.sqrt(second[i, j]) * second_scale + ADAM_EPSILON)
            weight[i, j] = keep * weight[i, j] - step


def _steps_with(head: Any) -> Any:
    """Return the signature of `train_steps` for a head of this type."""
    data = (*_bags, _readable(_i64), _readable(_i64, 2))
    return types.void(_planes, head, *data, _readable(_f32), _f32, _f32, _f32, types.b1, _f32[::1])


@nb.njit([_steps_with(types.UniTuple(_planes, parts)) for parts in (4, 2)], **_OPTIONS)
def train_steps(
    table,
    head,
    indices,
    counts,
    offsets,
    labels,
    batches,
    shares,
    row_rate,
    head_rate,
    head_decay,
    train_rows,
    losses,
):
    """Train the rows (Adagrad) and the head (Adam) in place, one optimiser step for each row of `batches`.

    Args:
        table: The embedding matrix, `table[:, 0]`, and beside each row Adagrad's sums of its squared gradients,
            `table[:, 1]`; shape (vocabulary, 2, vector_size). Only read, and then without the sums, shape
            (vocabulary, 1, vector_size), unless `train_rows`.
        head: The head's matrices, each with its gradient and Adam's two moments behind it, shape (4, rows, columns).
        indices: Token ids of the bags, int32.
        counts: How often they occur in their text, float32: a text is the mean over its tokens.
        offsets: First entry of each text, int64, shape (texts + 1,).
        labels: Class numbers, int64, shape (texts,).
        batches: Text numbers, int64, shape (steps, batch_size).
        shares: Share of both learning rates that holds in each step, shape (steps,).
        row_rate: Adagrad's learning rate.
        head_rate: Adam's learning rate.
        head_decay: Decoupled weight decay of the head's weights (not of its biases).
        train_rows: Whether the rows move.
        losses: Receives the mean cross-entropy of each step, shape (steps,).
    """
    steps, batch_size = batches.shape
    vector_size, hidden_size = head[0].shape[1:]
    output_weight, output_bias = head[-2], head[-1]
    classes = output_weight.shape[2]
    with_hidden = len(head) == 4
    row_bytes = vector_size * FLOAT_BYTES
    longest = 0
    tokens = np.empty(offsets.size - 1, np.float32)
    for text in range(offsets.size - 1):
        longest = max(longest, offsets[text + 1] - offsets[text])
        tokens[text] = _tokens(counts, offsets[text], offsets[text + 1])
    entries = longest * batch_size if train_rows else 0
    holder, previous = np.empty(entries, np.int32), np.empty(entries, np.int32)
    share, distinct = np.empty(entries, np.float32), np.empty(entries, np.int32)
    last = np.full(table.shape[0] if train_rows else 0, -1, np.int32)

    pooled = np.zeros((batch_size, vector_size), np.float32)
    pooled_errors = np.zeros((batch_size, vector_size), np.float32)
    # What the output layer reads: a text's hidden units, or else the pooled text itself.
    features = np.zeros((batch_size, hidden_size), np.float32) if with_hidden else pooled
    feature_errors = np.zeros((batch_size, hidden_size), np.float32) if with_hidden else pooled_errors
    errors = np.zeros((batch_size, classes), np.float32)
    batch_labels = np.zeros(batch_size, np.int64)
    transposed = np.zeros((hidden_size, vector_size), np.float32)
    row_gradient = np.zeros(vector_size, np.float32)
    power_1, power_2 = 1.0, 1.0

    for step in range(steps):
        entries, rows = 0, 0
        pooled[:] = 0
        for i in range(batch_size):
            text = batches[step, i]
            batch_labels[i] = labels[text]
            if i + 1 < batch_size:
                following = offsets[batches[step, i + 1]]
                for byte in range(0, BYTES_OF_TEXT, LINE):
                    prefetch(indices, following, byte)
                    prefetch(counts, following, byte)
            for entry in range(offsets[text], offsets[text + 1]):
                row, weight = indices[entry], counts[entry] / tokens[text]
                if entry + ENTRIES_AHEAD < indices.size:
                    ahead = np.int64(indices[entry + ENTRIES_AHEAD])
                    for byte in range(0, row_bytes, LINE):
                        prefetch(table, ahead, byte)
                    if train_rows:
                        prefetch(last, ahead, 0)
                for k in range(vector_size):
                    pooled[i, k] += weight * table[row, 0, k]
                if train_rows:
                    if last[row] < 0:
                        distinct[rows] = row
                        rows += 1
                    holder[entries], share[entries], previous[entries] = i, weight, last[row]
                    last[row] = entries
                    entries += 1

        if with_hidden:
            _hide(pooled, head[0][VALUE], head[1][VALUE], features)
        losses[step] = _classify(features, batch_labels, output_weight[VALUE], output_bias[VALUE], errors)
        _output_backward(features, errors, output_weight, output_bias, with_hidden, feature_errors)
        if with_hidden:
            _hidden_backward(pooled, feature_errors, head[0], head[1])
            if train_rows:
                _pooled_errors(feature_errors, head[0][VALUE], transposed, pooled_errors)

        power_1 *= 0.9
        power_2 *= 0.999
        head_rate_now, row_rate_now = head_rate * shares[step], row_rate * shares[step]
        rate = np.float32(head_rate_now / (1 - power_1))
        second_scale = np.float32(1 / np.sqrt(1 - power_2))
        keep = ONE - head_rate_now * head_decay
        for part in range(len(head)):
            _adam(head[part], rate, second_scale, keep if part % 2 == 0 else ONE)

        for place in range(rows - 1, -1, -1):  # what was gathered last is still in the caches
            row = distinct[place]
            entry = last[row]
            last[row] = -1
            if place >= ROWS_AHEAD:
                for byte in range(0, 2 * row_bytes, LINE):
                    prefetch(table, np.int64(distinct[place - ROWS_AHEAD]), byte)
            row_gradient[:] = 0
            while entry >= 0:
                weight, i = share[entry], holder[entry]
                for k in range(vector_size):
                    row_gradient[k] += weight * pooled_errors[i, k]
                entry = previous[entry]
            for k in range(vector_size):
                total = table[row, 1, k] + row_gradient[k] * row_gradient[k]
                table[row, 1, k] = total
                table[row, 0, k] -= row_rate_now * row_gradient[k] / (np.sqrt(total) + ADAGRAD_EPSILON)
