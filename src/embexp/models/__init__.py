"""Models: a trained classifier as a value that reads texts, and as a folder without a line of code in it.

classifier    texts ─► tokens ─► token ids ─► probabilities
folder        weights.safetensors, vocabulary.txt, model.json; everything checked on the way in
pyfunc        the same folder as MLflow serves it
"""

from embexp.models.classifier import ModelSettings, TrainedClassifier

__all__ = ["ModelSettings", "TrainedClassifier"]
