"""`python -m sluiceway`: the same as the `sluiceway` command."""

from sluiceway.cli import main

main()
