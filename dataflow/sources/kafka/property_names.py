"""The names of all properties that the librdkafka at hand takes: its own list, for suggestions."""

import ctypes
import re
import tempfile
from pathlib import Path

_MAPS = Path("/proc/self/maps")
_ROW = re.compile(r"^([a-z][\w.]*) +\| +[CP*]", re.MULTILINE)


def property_names() -> list[str]:
    """In librdkafka's order; empty where the library cannot be found, as outside Linux."""
    try:
        mapped = {line.split(maxsplit=5)[-1] for line in _MAPS.read_text().splitlines() if "librdkafka" in line}
        library = ctypes.CDLL(mapped.pop())
        libc = ctypes.CDLL(None)
        libc.fopen.restype = ctypes.c_void_p
        libc.fclose.argtypes = [ctypes.c_void_p]
        library.rd_kafka_conf_properties_show.argtypes = [ctypes.c_void_p]
        # it writes to a FILE of C's library and to nothing else
        with tempfile.NamedTemporaryFile() as text:
            stream = libc.fopen(text.name.encode(), b"w")
            if not stream:
                return []
            library.rd_kafka_conf_properties_show(stream)
            libc.fclose(stream)
            return list(dict.fromkeys(_ROW.findall(Path(text.name).read_text("utf-8"))))
    except (OSError, KeyError, AttributeError):
        return []
