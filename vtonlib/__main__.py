"""``python -m vtonlib``."""

from vtonlib.cli import main

raise SystemExit(main())
