"""Import what every cell needs, so that a worker process starts with it loaded and compiled."""

import sklearn.feature_extraction.text
import sklearn.linear_model
import sklearn.metrics
import torch

from embexp.classify import kernels, loop, tfidf, training

__all__ = ["kernels", "loop", "sklearn", "tfidf", "torch", "training"]
