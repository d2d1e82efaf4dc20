"""`python -m tfpagan.cli`."""

from tfpagan.cli import main

main()
