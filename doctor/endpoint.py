"""The port of a run: whether metrics and health can be asked for, and what the run says of itself."""

import http.client
import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

from doctor.finding import Finding, error, ok, warning
from runtime.endpoint import HEALTH, METRICS
from runtime.settings import Settings

if TYPE_CHECKING:
    from _typeshed import SupportsRead

CHECK = "metrics"
PATIENCE_S = 2.0

_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # an address that is bound, not one that is asked


def endpoint_finding(settings: Settings, *, running: bool) -> Finding:
    """Asks the first process of a run that goes on now, at the address that the settings name."""
    if not settings.metrics_port:
        return ok(CHECK, f"{METRICS} and {HEALTH} are off; metrics_port = 9464 or so turns them on")
    address = address_of(settings)
    if not running:
        return ok(CHECK, f"a run answers {METRICS} and {HEALTH} at {address}; none is running", address=address)
    try:
        # never by way of a proxy, which would look at an address of its own
        ask = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with ask.open(address + HEALTH, timeout=PATIENCE_S) as answer:
            said = _document(answer)
    except urllib.error.HTTPError as refusal:
        said = _document(refusal)
        if said.get("status") == "stalled":
            why = f"the run says at {address}{HEALTH} that it has stood still for {said.get('stalled_s')} s"
            return error(CHECK, why, "see its log; tidemill doctor's other findings say what it waits for", **said)
        return _silent(address, f"status {refusal.code}")
    except (OSError, http.client.HTTPException) as problem:
        return _silent(address, str(getattr(problem, "reason", problem)) or type(problem).__name__)
    if "status" not in said:
        return _silent(address, "what answers is no run")
    return ok(CHECK, f"{address} answers {METRICS} and {HEALTH}: {said.get('status')}", address=address)


def address_of(settings: Settings) -> str:
    """Where the settings say that the first process of a run answers."""
    host = _ANY.get(settings.metrics_host, settings.metrics_host)
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.metrics_port}"


def _document(answer: "SupportsRead[bytes]") -> dict[str, object]:
    try:
        found = json.load(answer)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _silent(address: str, why: str) -> Finding:
    fix = "is the run started with another metrics_port or metrics_host, or does another program listen there?"
    return warning(CHECK, f"a run is going on, and {address}{HEALTH} does not answer ({why})", fix, address=address)
