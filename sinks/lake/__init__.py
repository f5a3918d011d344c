"""The lake: files, ledger and the two-phase commit."""
