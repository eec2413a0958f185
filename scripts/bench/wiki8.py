#!/usr/bin/env python
"""Train on a corpus of text8's kind and size and hold the benchmarks to what gensim's notebooks report.

Any plain text of some 17 million words will do, one text a line or all in one, plain or .gz .bz2 .xz:

    scripts/bench/wiki8.py wiki8.txt.xz
    scripts/bench/wiki8.py text8 word2vec.exact=false

Five epochs of skip-gram with one thread take 5 minutes on a free core. Prints the card; exit code 1 if WordSim-353
stays below .65 or SimLex-999 below .26 (gensim on text8: .695 and .294).
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

LEAST = {"WordSim-353": 0.65, "SimLex-999": 0.26}


def main() -> int:
    """Run the preset on a file and compare its card."""
    if len(sys.argv) < 2 or not Path(sys.argv[1]).is_file():
        print(__doc__, file=sys.stderr)
        return 2
    text, overrides = sys.argv[1], sys.argv[2:]
    files = f"word2vec.files=['{text}']"
    command = ["embexp", "word2vec", "word2vec=wiki8", files, "dataset=bbc_news", "output=outputs", *overrides]
    finished = subprocess.run(command, check=False)
    if finished.returncode:
        return finished.returncode
    card = json.loads(Path("outputs/word2vec/latest/card.json").read_text(encoding="utf-8"))["card"]
    missed = [row["name"] for row in card["similarity"] if row["spearman"] < LEAST[row["name"]]]
    for name in missed:
        print(f"{name} is below {LEAST[name]}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
