"""The other engines: where each one's Python is, how it is started, and in which of its settings it differs."""

from dataclasses import dataclass
from pathlib import Path

from bench.peers.feed import END_MS

ROOT = Path(__file__).resolve().parents[2]
ROWS = "rows.ndjson"


@dataclass(frozen=True, slots=True)
class Peer:
    """One engine. `environment` is a folder below the checkout, `requirements` the file that says its version.

    `settings` and `rule` are for the results: how it was run, and what it does with events out of order.
    """

    name: str
    module: str
    library: str
    environment: str
    requirements: str
    settings: str
    rule: str

    @property
    def python(self) -> Path:
        """Its interpreter, which may not be there."""
        return ROOT / self.environment / "bin" / "python"

    @property
    def is_here(self) -> bool:
        """Whether its environment was made, to the end."""
        own = self.environment != ".venv"
        return self.python.exists() and (not own or (self.python.parents[1] / ".stamp-peer").exists())

    @property
    def how_to_get(self) -> str:
        """The command that makes its environment."""
        name = self.environment.removeprefix(".venv-peer-")
        return f"sh deploy/bootstrap.sh peer {name}" if name != self.environment else "sh deploy/bootstrap.sh run"

    def version(self) -> str:
        """That which is pinned."""
        lines = (ROOT / self.requirements).read_text(encoding="utf-8").splitlines()
        return next(line.partition("==")[2] for line in lines if line.startswith(f"{self.library}=="))

    def command(self, brokers: str, topic: str, records: int, compared: int, folder: Path) -> list[str]:
        """Reads all `records` of a topic, writes its rows into a fresh folder, whose name is its consumer group."""
        command = [str(self.python), "-m", self.module, "--brokers", brokers, "--topic", topic]
        command += ["--records", str(records), "--compared", str(compared), "--end-ms", str(END_MS)]
        return [*command, "--out", str(folder / ROWS), "--work", str(folder)]


PEERS = (
    Peer(
        "plain Bytewax",
        "bench.peers.run_bytewax",
        "bytewax",
        ".venv",
        "requirements.txt",
        "its Kafka source and fold_window, one worker, a Python object a record, no recovery store",
        "a watermark for each key, 65 s behind its newest event, no second bound; what comes later is left out",
    ),
    Peer(
        "Quix Streams",
        "bench.peers.run_quix",
        "quixstreams",
        ".venv-peer-quix",
        "requirements-peer-quix.txt",
        "one process, at least once, state in RocksDB with its changelog topic, rows of closed windows",
        "windows are closed 65 s of grace after their end, by their partition's newest event; later ones are left out",
    ),
    Peer(
        "Pathway",
        "bench.peers.run_pathway",
        "pathway",
        ".venv-peer-pathway",
        "requirements-peer-pathway.txt",
        "one process with one thread, mode static, no persistence, corrected rows handed to Python",
        "a cutoff of 65 s behind the newest event of the whole table",
    ),
    Peer(
        "LaminarDB",
        "bench.peers.run_laminardb",
        "laminardb",
        ".venv-peer-laminardb",
        "requirements-peer-laminardb.txt",
        "embedded in one Python process, no checkpoints, rows of closed windows",
        "a watermark 65 s behind the newest event of the source, a batch's own events among them; it closes windows",
    ),
)
