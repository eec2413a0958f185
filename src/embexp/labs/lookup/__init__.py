"""`embexp lookup`: is an embedding layer a linear layer on one-hot vectors, and what is its purpose?

equality     lookup and one-hot multiplication give the same numbers, forward, backward and after k steps
numbers      the other reading: the number of a word through one linear layer, whose weights all words share
optimisers   which rows move in a step, for every optimiser
cost         time and memory of both, over vocabulary sizes
touched      rows that a real training touches
purpose      the same task without an embedding layer, beside vector sizes from 2 to 300
"""
