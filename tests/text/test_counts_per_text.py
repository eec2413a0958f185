from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from embexp.text import counts_of

TEXTS = st.lists(st.lists(st.integers(-1, 12), max_size=15), max_size=12)


def flat(texts):
    ids = np.array([token for text in texts for token in text], np.int32)
    return ids, np.cumsum([0, *map(len, texts)]).astype(np.int64)


@given(TEXTS, st.integers(1, 14), st.integers(1, 16))
@settings(deadline=None)
def test_counts_equal_a_counter_per_text(texts, vocabulary_size, max_tokens):
    bags = counts_of(*flat(texts), vocabulary_size, max_tokens)
    assert (bags.indices.dtype, bags.counts.dtype, bags.offsets.dtype) == (np.int32, np.float32, np.int64)
    assert len(bags) == len(texts)
    for number, text in enumerate(texts):
        expected = Counter(token for token in text[:max_tokens] if 0 <= token < vocabulary_size)
        entries = slice(bags.offsets[number], bags.offsets[number + 1])
        assert bags.indices[entries].tolist() == sorted(expected)
        assert dict(zip(bags.indices[entries].tolist(), bags.counts[entries].tolist(), strict=True)) == expected


@given(TEXTS, st.data())
def test_some_neighbouring_texts_count_as_they_do_among_all(texts, data):
    first = data.draw(st.integers(0, len(texts)))
    last = data.draw(st.integers(first, len(texts)))
    ids, offsets = flat(texts)
    part, whole = counts_of(ids, offsets[first : last + 1], 9, 10), counts_of(ids, offsets, 9, 10)
    entries = slice(whole.offsets[first], whole.offsets[last])
    assert np.array_equal(part.indices, whole.indices[entries])
    assert np.array_equal(part.counts, whole.counts[entries])
