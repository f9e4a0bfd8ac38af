"""Where things are, wherever a test stands."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
ASSETS = ROOT / "assets"
CONFIGS = ROOT / "configs"
DATA = ROOT / "tests" / "data"
DOCS = ROOT / "docs"
SCRIPTS = ROOT / "scripts"
