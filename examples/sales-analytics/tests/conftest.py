"""The project's folder goes first on the path, as the framework does it, so that ``backend...`` imports."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
