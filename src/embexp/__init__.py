"""embexp: should a text classifier learn its own word embeddings, or start from word2vec?"""

__version__ = "0.1.0"
