"""`python -m tidemill`."""

from run import main

main()
