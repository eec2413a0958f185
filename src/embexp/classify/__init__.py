"""Classifiers: embedding strategies, the training engine and its reference, controls, scores."""
