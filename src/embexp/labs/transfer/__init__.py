"""`embexp transfer`: is word2vec neutral, and the layer that a task learned not?

tasks x sources    each task with every source of word vectors, frozen and as a start
shared words       the same on the words that all sources know
intrinsic          similarity and analogies of all matrices
"""
