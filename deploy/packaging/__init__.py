"""From the tree to what is installed: one package `tidemill`, a wheel and an sdist."""
