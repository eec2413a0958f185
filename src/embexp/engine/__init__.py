"""The engine: run any plan of cached tasks on any executor. It knows nothing of text.

Reading order: task (what is run), store (where outputs live), plan (what is missing), perform (one task, in a
worker), lanes and executors (where tasks run), scheduler (all of them), events (what is said meanwhile).
"""
