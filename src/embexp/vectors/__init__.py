"""The vectors room: train word vectors or load them, align them to a vocabulary, judge them by themselves.

    training    gensim on a corpus of token ids         alignment, coverage   which word has which vector
    loading     one pass over a pre-trained file        card                  benchmarks, neighbours, stability

`entries` says which files hold word vectors; `export` writes them in the formats of others.
"""
