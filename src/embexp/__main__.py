"""`python -m embexp` is the command `embexp`."""

from __future__ import annotations

import sys

from embexp.cli import main

if __name__ == "__main__":  # worker processes import this file again
    sys.exit(main())
