"""Set-up and jobs: ``python3 -m tools``. The standard library of Python 3.11 is enough to start them."""
