"""`python -m exporter` is the command `ses-inventory-exporter`."""

import sys

from exporter.cli import main

sys.exit(main())
