"""The program `lookreel`, from a checkout or from a wheel, where our packages are in a folder beside this file.

Their names are general, and other people's packages have them, too: nothing but `lookreel` stands beside those.
"""

import importlib
import os
import sys
from pathlib import Path

_HERE = Path(__file__).resolve().parent
_HOUSE = _HERE / "_house"
ROOT = str(_HOUSE if _HOUSE.is_dir() else _HERE.parent)


def main() -> None:
    """Run the command line.

    Its processes are started as `python -m app.…`: they look into ROOT first, and never into the working folder.
    """
    sys.path.insert(0, ROOT)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (ROOT, os.environ.get("PYTHONPATH"))))
    os.environ["PYTHONSAFEPATH"] = "1"
    importlib.import_module("app.launch").main()
