"""`python -m adoption`."""

import sys

from adoption.cli import main

sys.exit(main())
