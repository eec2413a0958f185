"""The text room: from a source of labelled texts to the dataset entry.

    sources  ->  splits  ->  tokens  ->  counting
    Arrow        pool and    token       counts per text,
    columns      test        ids         what is odd in the data

`peek` says what a plan must know, `prepare` writes token ids, `count_tokens` what classifiers read, `open_dataset`
maps both.
"""

from embexp.bags import Bags
from embexp.text.bags import counts_of
from embexp.text.counting import count_tokens
from embexp.text.entry import Dataset, TextsView, open_dataset
from embexp.text.peek import Facts, folds_of, peek
from embexp.text.prepare import prepare
from embexp.text.segment import token_identity
from embexp.text.sources import check_dataset
from embexp.text.splits import auto_train_sizes, nested_order, places_of_classes
from embexp.text.tokens import check_text

__all__ = [
    "Bags",
    "Dataset",
    "Facts",
    "TextsView",
    "auto_train_sizes",
    "check_dataset",
    "check_text",
    "count_tokens",
    "counts_of",
    "folds_of",
    "nested_order",
    "open_dataset",
    "peek",
    "places_of_classes",
    "prepare",
    "token_identity",
]
