"""How many files a run may have open: as many as the system lets it, and said where that is few."""

import resource

from dataflow.logs import logger

WANTED = 65_536
"""More than a run ever needs: a few hundred, and some for each connection and each client of its port."""
FEWEST = 1_024
"""With so many, a run of a thousand source partitions is known to work."""


def allow_many_files() -> None:
    """Raise the soft limit of open files as far as the hard one allows; a warning where that is below FEWEST.

    To be called before any file is opened. Without an effect where the system has no such limit.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED if hard == resource.RLIM_INFINITY else min(hard, WANTED)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
        except (OSError, ValueError):
            # some systems have a limit of their own below the hard one
            wanted = soft
    if soft != resource.RLIM_INFINITY and soft < FEWEST:
        logger("run").warning(
            f"this process may open {soft} files, which many source partitions, processes or clients may exceed",
            fix=f"raise the hard limit (`ulimit -Hn`) to {FEWEST} or more: LimitNOFILE= in a unit of systemd, "
            "--ulimit nofile= in a container, limits.conf for a login",
        )
