"""A real schema registry (Apicurio) on 127.0.0.1 for tests: brought by Maven once, started, killed, started again."""

import fcntl
import http.client
import signal
import subprocess
import tarfile
import tempfile
import time
from pathlib import Path

from dataflow.errors import TidemillError
from runtime.java import java_command

HERE = Path(__file__).resolve().parent / "registry"
LIB = HERE / "lib"
_JAR = "apicurio-registry-app-3.0.9-runner.jar"
_LIGHT = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m")
START_SECONDS = 180
STARTS = 3


def fetch_registry() -> Path:
    """The unpacked archive; safe when several processes call it at once. Raises TidemillError where Maven fails."""
    with (HERE / ".lib.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (LIB / _JAR).exists():
            with tempfile.TemporaryDirectory(prefix=".lib-", dir=HERE) as fresh:
                command = ["mvn", "-q", "-B", "-f", str(HERE / "pom.xml"), "dependency:copy"]
                maven = subprocess.run([*command, f"-DoutputDirectory={fresh}"], capture_output=True, text=True)
                if maven.returncode != 0:
                    said = "\n".join((maven.stdout + maven.stderr).strip().splitlines()[-8:])
                    raise TidemillError(f"Maven could not bring the registry ({HERE / 'pom.xml'}). It said:\n{said}")
                (archive,) = Path(fresh).glob("*.tar.gz")
                with tarfile.open(archive) as packed:
                    packed.extractall(Path(fresh) / "unpacked", filter="data")
                (Path(fresh) / "unpacked").rename(LIB)
    return LIB


class RegistryServer:
    """One process; what was registered is in `folder`, and is there again after a kill and a start."""

    def __init__(self, folder: Path, port: int) -> None:
        """Nothing runs yet."""
        self._folder = folder
        self.port = port
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Of its Confluent interface: what `schema.registry.url` is set to."""
        return f"http://127.0.0.1:{self.port}/apis/ccompat/v7"

    def start(self) -> None:
        """Start it and wait until it answers. Raises TidemillError."""
        lib = fetch_registry()
        self._folder.mkdir(parents=True, exist_ok=True)
        settings = {
            "quarkus.http.host": "127.0.0.1",
            "quarkus.http.port": str(self.port),
            "quarkus.http.access-log.enabled": "false",
            "apicurio.storage.kind": "sql",
            "apicurio.storage.sql.kind": "h2",
            # by itself H2 writes up to half a second later, and a kill loses what was registered until then
            "apicurio.datasource.url": f"jdbc:h2:file:{self._folder}/registry;WRITE_DELAY=0",
        }
        flags = [f"-D{name}={value}" for name, value in settings.items()]
        command = [java_command(), *_LIGHT, *flags, "-jar", str(lib / _JAR)]
        until = time.monotonic() + START_SECONDS
        # on a busy machine it may give up its own database, for which it waits some seconds
        for _ in range(STARTS):
            with (self._folder / "server.log").open("ab") as log:
                self._child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=lib)
            while self._child.poll() is None and time.monotonic() < until:
                if self._answers():
                    return
                time.sleep(0.2)
            self.kill()
        raise TidemillError(f"the registry does not start; its words are in {self._folder / 'server.log'}")

    def kill(self) -> None:
        """End it at once, as a machine that dies does."""
        if self._child is not None:
            self._child.send_signal(signal.SIGKILL)
            self._child.wait()
            self._child = None

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/apis/ccompat/v7/subjects")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
