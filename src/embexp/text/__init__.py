"""The text room: from a source of labelled texts to the dataset entry.

    sources  ->  splits  ->  tokens  ->  bags, sheet
    Arrow        pool and    token       counts per text,
    columns      test        ids         what is odd in the data

`prepare` writes the entry, `open_dataset` maps it, `peek` says what a plan must know before.
"""

from embexp.bags import Bags
from embexp.text.bags import counts_of
from embexp.text.entry import Dataset, TextsView, open_dataset
from embexp.text.peek import Facts, peek
from embexp.text.prepare import prepare
from embexp.text.splits import auto_train_sizes, nested_order
from embexp.text.tokens import check_text

__all__ = [
    "Bags",
    "Dataset",
    "Facts",
    "TextsView",
    "auto_train_sizes",
    "check_text",
    "counts_of",
    "nested_order",
    "open_dataset",
    "peek",
    "prepare",
]
