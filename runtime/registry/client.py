"""What a schema registry answers, by the interface that Confluent's has and others share: schemas by number or GUID."""

import base64
import json
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any, Protocol

from dataflow.errors import ConfigError, RegistryUnreachable, SchemaRefused
from dataflow.formats.frame import SchemaKey
from dataflow.formats.schemas import RegisteredSchema

PREFIX = "schema.registry."
_URL, _USER = PREFIX + "url", PREFIX + "basic.auth.user.info"
_CA, _CERTIFICATE = PREFIX + "ssl.ca.location", PREFIX + "ssl.certificate.location"
_KEY, _PASSWORD = PREFIX + "ssl.key.location", PREFIX + "ssl.key.password"
PROPERTIES = (_URL, _USER, _CA, _CERTIFICATE, _KEY, _PASSWORD)
"""Properties of [kafka] that are the registry's; Kafka's client gets none of them."""

ANSWER_SECONDS = 5.0
_MOST_BYTES = 16 * 2**20
_MOST_REFERENCES = 1_000
_NOT_FOUND, _NOT_ALLOWED = 404, (401, 403)
_INCOMPATIBLE, _INVALID = 409, 422
_SENT = "application/vnd.schemaregistry.v1+json"


class Asked(Protocol):
    """A registry."""

    def find(self, key: SchemaKey) -> RegisteredSchema | None:
        """The schema, None if there is none. Raises RegistryUnreachable."""
        ...


class RegistryClient:
    """Asks one registry over HTTP or HTTPS; one question is one connection, and waits 5 s at most for each answer."""

    def __init__(self, properties: Mapping[str, str]) -> None:
        """`properties` by PROPERTIES, what they refer to in its place. Raises ConfigError; connects to nothing."""
        self.url = checked_url(properties[_URL])
        self._headers = {"Accept": "application/vnd.schemaregistry.v1+json, application/json"}
        user = properties.get(_USER)
        if user:
            if ":" not in user:
                raise ConfigError(f"kafka.{_USER}", "****", "write USER:PASSWORD, like ${REGISTRY_USER_INFO}")
            self._headers["Authorization"] = "Basic " + base64.b64encode(user.encode()).decode()
        handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({}), _NoRedirect()]
        if self.url.startswith("https:"):
            handlers.append(urllib.request.HTTPSHandler(context=_tls(properties)))
        self._open = urllib.request.build_opener(*handlers).open

    def find(self, key: SchemaKey) -> RegisteredSchema | None:
        """As `Asked.find`; also asks for the schemas that it refers to."""
        found = self._get(f"/schemas/{key.kind}s/{key.value}")
        return None if found is None else self._registered(found)

    def latest(self, subject: str) -> RegisteredSchema | None:
        """The newest version under `subject`, None if there is none. Raises RegistryUnreachable."""
        found = self._get(f"/subjects/{urllib.parse.quote(subject, safe='')}/versions/latest")
        return None if found is None else self._registered(found)

    def _registered(self, found: Mapping[str, Any]) -> RegisteredSchema:
        references: dict[str, str] = {}
        self._gather(found, references, 0)
        return RegisteredSchema(str(found.get("schemaType") or "AVRO"), str(found["schema"]), references)

    def _gather(self, found: Mapping[str, Any], references: dict[str, str], depth: int) -> None:
        """The schemas that `found` refers to, each after those that it refers to itself."""
        for each in found.get("references") or ():
            name = str(each["name"])
            if name in references or depth > 64 or len(references) >= _MOST_REFERENCES:
                continue
            subject = urllib.parse.quote(str(each["subject"]), safe="")
            told = self._get(f"/subjects/{subject}/versions/{each['version']}")
            if told is None:
                raise self._away(f"it has no version {each['version']} of {each['subject']}, which a schema refers to")
            self._gather(told, references, depth + 1)
            references[name] = str(told["schema"])

    def register(self, subject: str, schema: RegisteredSchema) -> int:
        """The number of `schema` under `subject`, where it is registered unless it is there already.

        Where it is there, rights to read are enough. Raises RegistryUnreachable, SchemaRefused.
        """
        place = f"/subjects/{urllib.parse.quote(subject, safe='')}"
        said = {"schema": schema.text, "schemaType": schema.kind}
        try:
            found = self._answer(place, said) or self._answer(f"{place}/versions", said)
        except _Refused as refused:
            raise self._refused(subject, refused) from None
        if found is None or not isinstance(found.get("id"), int):
            raise self._away(f"its answer for {subject} is no number of a schema; is {_URL} its Confluent interface?")
        return int(found["id"])

    def _refused(self, subject: str, refused: "_Refused") -> SchemaRefused:
        told = f"the schema registry at {self.url} does not take the schema for {subject}"
        if refused.status == _INCOMPATIBLE:
            return SchemaRefused(
                f"{told}: by the subject's compatibility it does not fit the versions before it ({refused.said}). "
                f"Write to another topic, take the column back, or, where all who read the topic can read it, set "
                f"another compatibility of {subject} in the registry"
            )
        return SchemaRefused(f"{told}: {refused.said}. Write to another topic, or correct the registry's rules")

    def _get(self, path: str) -> dict[str, Any] | None:
        found = self._answer(path)
        if found is not None and not isinstance(found.get("schema"), str):
            raise self._away(f"its answer to {path} is no schema; is {_URL} the address of its Confluent interface?")
        return found

    def _answer(self, path: str, body: Mapping[str, object] | None = None) -> dict[str, Any] | None:
        """What it answers, None where it says that there is no such thing. Raises _Refused, RegistryUnreachable."""
        sent = None if body is None else json.dumps(body).encode()
        headers = self._headers if sent is None else {**self._headers, "Content-Type": _SENT}
        request = urllib.request.Request(self.url + path, sent, headers)
        try:
            with self._open(request, timeout=ANSWER_SECONDS) as response:
                answer = response.read(_MOST_BYTES + 1)
        except urllib.error.HTTPError as error:
            with error:
                told = error.read(_MOST_BYTES)
            if error.code == _NOT_FOUND and _says_not_found(told):
                return None
            if error.code in _NOT_ALLOWED:
                raise self._away(f"it does not let us in ({error.code}); set {_USER} in [kafka]") from None
            if error.code in (_INCOMPATIBLE, _INVALID) and sent is not None:
                raise _Refused(error.code, _message_of(told)) from None
            raise self._away(f"it answered {error.code} to {path}") from None
        except (OSError, ValueError) as error:
            raise self._away(str(getattr(error, "reason", error))) from None
        try:
            found = json.loads(answer)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise self._away(f"its answer to {path} is no schema; is {_URL} the address of its Confluent interface?")
        return found

    def _away(self, why: str) -> RegistryUnreachable:
        return RegistryUnreachable(
            f"the schema registry at {self.url} gives no answer: {why}. Start it, or correct {_URL} in [kafka]"
        )


class _Refused(Exception):
    """It does not take what was sent: the status, and what it says."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status, self.said = status, said


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Credentials go to the registry that was named and to no other."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def _says_not_found(body: bytes) -> bool:
    """Whether a 404 is the registry's own: a proxy's, or one of another service, is no answer."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(told, dict) and str(told.get("error_code", "")).startswith("404")


def _message_of(body: bytes) -> str:
    """What an answer that refuses something says, in one line."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        told = None
    said = str(told.get("message", "")) if isinstance(told, dict) else ""
    return " ".join(said.split())[:300] or "it does not say why"


def checked_url(url: str) -> str:
    """The address without a slash at its end. Raises ConfigError."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ConfigError(f"kafka.{_URL}", "****" if "@" in url else url, "write http://HOST:PORT or https://HOST:PORT")
    if parts.username is not None:
        raise ConfigError(f"kafka.{_URL}", "****", f"write user and password into {_USER}")
    return url.rstrip("/")


def _tls(properties: Mapping[str, str]) -> ssl.SSLContext:
    ca, certificate = properties.get(_CA), properties.get(_CERTIFICATE)
    try:
        context = ssl.create_default_context(cafile=ca or None)
    except OSError as error:
        raise ConfigError(f"kafka.{_CA}", ca, f"no PEM file of certificates: {error}") from None
    if certificate:
        try:
            context.load_cert_chain(certificate, properties.get(_KEY) or None, properties.get(_PASSWORD) or None)
        except OSError as error:
            fix = f"certificate and {_KEY} are no pair of PEM files: {error}"
            raise ConfigError(f"kafka.{_CERTIFICATE}", certificate, fix) from None
    return context
