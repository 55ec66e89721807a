"""``python -m sksubspace`` is the command ``sksubspace``."""

import sys

from sksubspace.cli import main

if __name__ == "__main__":
    sys.exit(main())
