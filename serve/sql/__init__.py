"""Safe SQL: a pool of processes behind walls, each answering one SELECT at a time over one snapshot of the lake."""
