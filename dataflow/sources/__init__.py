"""Where records come from: each source gives polls in offset order."""
