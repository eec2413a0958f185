"""Write the commit into wheel and sdist, so that an installed `embexp --version` can name it."""

from __future__ import annotations

import importlib.util
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CommitHook(BuildHookInterface):
    """Adds a file COMMIT: at the top of an sdist, beside the package's files in a wheel."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Find the commit, in a file of an unpacked sdist or from git, and have it packed."""
        if version == "editable":
            return
        kept = Path(self.root) / "COMMIT"
        known = kept.read_text(encoding="utf-8").strip() if kept.is_file() else _commit_of(Path(self.root))
        if known:
            self._folder = tempfile.TemporaryDirectory()
            written = Path(self._folder.name) / "COMMIT"
            written.write_text(f"{known}\n", encoding="utf-8")
            place = "COMMIT" if self.target_name == "sdist" else "embexp/COMMIT"
            build_data["force_include"][str(written)] = place

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what was written for packing."""
        if hasattr(self, "_folder"):
            self._folder.cleanup()


def _commit_of(top: Path) -> str | None:
    """Ask the package's own function; the package's dependencies are not there in a build."""
    import sys

    sys.path.insert(0, str(top / "src"))
    try:
        spec = importlib.util.spec_from_file_location("embexp_version", top / "src" / "embexp" / "version.py")
        if spec is None or spec.loader is None:
            return None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found: str | None = module.commit_of(top)
        return found
    finally:
        sys.path.remove(str(top / "src"))
