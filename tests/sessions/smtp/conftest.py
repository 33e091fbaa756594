"""Makes the helpers of this folder, and the harness of tests/daemons, importable."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
for folder in (HERE, HERE.parents[1] / "daemons"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
