"""`python -m ecgwas` is the command `ecgwas`."""

from ecgwas.commands.cli import main

main()
