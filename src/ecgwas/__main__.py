"""`python -m ecgwas` is the command `ecgwas`."""

from ecgwas.cli import main

main()
