"""The worked example of CONTRIBUTING.md is no prose: it applies, composes and trains."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]

USE = """
from pathlib import Path
import numpy as np, torch
import embexp
from embexp import Study
from embexp.classify.encoders.attention import AttentionClassifier
from embexp.classify.encoders.flat import FlatTexts
from tiny_study import write_reviews

assert Path(embexp.__file__).is_relative_to(Path.cwd()), embexp.__file__
vectors = np.random.default_rng(0).normal(size=(9, 5)).astype(np.float32)
model = AttentionClassifier(vectors, 3, 0)
flat = FlatTexts(np.array([1, 2, 2, 5, 8]), np.array([0, 3, 5]))
rows, numbered = flat.number(9)
padded = model(torch.tensor([[1, 2, 2], [5, 8, 7]]), torch.tensor([3, 2]))
assert torch.allclose(model.classify_flat(model.embed(torch.from_numpy(rows)), numbered), padded, atol=1e-6)
found = Study(
    write_reviews(Path("reviews.csv")), train_sizes=[30], seeds=1, controls=[], classifier="attention",
    strategies=["random", "frozen"], executor="serial", tracking="none", word2vec={"vector_size": 8, "min_count": 1},
).run(progress=False)
print(len(found.cells))
"""


def test_the_worked_encoder_applies_and_trains(tmp_path):
    text = (TOP / "CONTRIBUTING.md").read_text(encoding="utf-8")
    [diff] = re.findall(r"```diff\n(.*?)```", text, flags=re.DOTALL)
    for name in ("src", "conf"):
        shutil.copytree(TOP / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "local"))
    apply = ["git", "apply", "-C1", "--recount", "-"]
    subprocess.run(apply, cwd=tmp_path, input=diff, text=True, check=True)
    shutil.copy(TOP / "tests" / "study" / "tiny_study.py", tmp_path / "src")
    (tmp_path / "use.py").write_text(USE, encoding="utf-8")
    finished = subprocess.run(
        [sys.executable, "-c", "import sys; sys.path.insert(0, 'src'); exec(open('use.py').read())"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.strip() == "2"
