"""`embexp neighbours`: what did the task change in the word vectors?

neighbours   the nearest words in word2vec, in the fine-tuned and in the task-trained matrix (Kim 2014, table 3)
movement     how far rows moved, against the frequency of their words
agreement    how far the three spaces agree, each measure beside its reference
map          probe words of the three spaces in one fixed layout
"""
