"""Run by a test: which modules does a worker have before its first task?"""

import sys

from embexp.engine.lanes import LocalExecutor


def has(*names):
    return [name in sys.modules for name in names]


if __name__ == "__main__":
    with LocalExecutor(1, ["wave"]) as executor:
        print(*executor.submit(has, "wave", "colorsys").result(timeout=60))
