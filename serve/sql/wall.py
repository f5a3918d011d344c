"""The walls around a question, each with what it stops and what there is without it."""

from typing import NamedTuple


class Wall(NamedTuple):
    """One wall. `without` says what stands in its place on a system that does not have it; "" for one that all have."""

    name: str
    stops: str
    without: str = ""


class Standing(NamedTuple):
    """Whether a wall stands on this machine, and what the system said."""

    wall: Wall
    is_up: bool
    note: str = ""


TEXT = Wall("text", "a text that is long enough to be a load by itself")
STATEMENT = Wall("statement", "anything but one SELECT: writing, attaching, installing, settings, several statements")
FUNCTIONS = Wall(
    "functions", "functions that read files, settings, secrets or the environment, or that trust their arguments"
)
ENGINE = Wall("engine", "the engine's own ways to files, extensions, settings and the variables of Python")
CATALOG = Wall("catalog", "reading or holding the catalog: a child gets the list of files of one snapshot, and no more")
PROCESS = Wall("process", "harm to the server and to other questions: each child is a process with nothing inherited")
TIME = Wall("time", "a question that does not end: it is interrupted, then its process is killed")
ANSWER = Wall("answer", "an answer that is larger than asked for or is made to mislead who reads it")
PARENT = Wall(
    "parent", "a child that outlives the server", "the end of its input, which it reads all the time, ends it"
)
PROCESSOR = Wall("processor", "processor time beyond what the time limit explains", "the time limit alone")
MEMORY = Wall("memory", "more memory than granted", "the engine's own limit, which not every function heeds")
FILES = Wall("files", "making a file longer by a single byte, and a core dump")
FIRST = Wall("first", "the server being ended for want of memory that a child took", "the system chooses whom it ends")
NETWORK = Wall("network", "reaching anybody: its network holds nothing", "system calls and disk, which know no socket")
PRIVILEGES = Wall(
    "privileges", "any right of root and any program that would give one", "what the server's user may not do"
)
HIDDEN = Wall("hidden", "other processes of the user looking into a child, and its memory on a disk", "the other walls")
DISK = Wall("disk", "opening any file but the data files of the lake, in any way", "the engine, which opens no other")
CALLS = Wall(
    "calls",
    "system calls that write, delete, connect, start programs, change rights or bring in code",
    "the other walls, each of which stops some of it",
)

WALLS = (
    *(TEXT, STATEMENT, FUNCTIONS, ENGINE, CATALOG, PROCESS, TIME, ANSWER),
    *(PARENT, PROCESSOR, MEMORY, FILES, FIRST, NETWORK, PRIVILEGES, HIDDEN, DISK, CALLS),
)
"""All, in the order of docs/sql-safety.md: those of the program itself first, then those of the system."""
