"""`python -m ecgwas` is the command `ecgwas`."""

from ecgwas.commands.entry import main

main()
