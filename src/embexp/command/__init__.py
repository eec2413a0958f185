"""The command line behind `embexp`: arguments, help, composition by Hydra, mistakes as sentences.

`embexp.cli` imports this package's light parts only, so that `embexp --help` answers at once;
Hydra is imported by `compose` and `jobs`.
"""
