from __future__ import annotations

import sys
from pathlib import Path

for room in ("study", "engine"):  # tiny_study and dask_harness; at the end, so that their conftest hides nobody
    sys.path.append(str(Path(__file__).parents[1] / room))
