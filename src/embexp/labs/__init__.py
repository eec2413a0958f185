"""Labs: the claims behind embexp, each put to the test by one command.

    lookup       is an embedding layer a linear layer, and what is its purpose?
    neighbours   what does a task change in the word vectors?
    transfer     is word2vec neutral, and a layer learned with a task not?

A lab states what it expects before it measures, and says whether it was so. It leaves results.json
{expectation, result, rows}, a page in the manner of a study's report, and a run in MLflow.
"""
