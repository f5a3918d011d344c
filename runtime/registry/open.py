"""From settings to the schemas of a registry, where a pipeline's format needs one."""

from collections.abc import Mapping
from dataclasses import replace

from dataflow.decode.decoder import NEEDS_REGISTRY, needs_registry
from dataflow.errors import ConfigError
from dataflow.pipeline.plan import Plan
from runtime.registry.client import PREFIX, PROPERTIES, RegistryClient, checked_url
from runtime.registry.kept import KeptSchemas, folder_beside
from runtime.settings import Settings


def with_schemas(settings: Settings, plan: Plan) -> Plan:
    """`plan` with the registry that `settings` name, where records come from Kafka in a format that needs one.

    Connects to nothing; what the registry answers is kept beside the recovery folder. Raises ConfigError.
    """
    if settings.source != "kafka" or not needs_registry(plan):
        return plan
    client = RegistryClient(registry_properties(settings))
    return replace(plan, schemas=KeptSchemas(client, client.url, folder_beside(settings.recovery)))


def registry_url(settings: Settings, plan: Plan) -> str | None:
    """The address of the registry that `settings` name, where the plan's records need one. Raises ConfigError."""
    if not needs_registry(plan):
        return None
    return checked_url(registry_properties(settings)[PREFIX + "url"])


def registry_properties(settings: Settings) -> Mapping[str, str]:
    """The registry's properties, what they refer to in its place: secrets are among them. Raises ConfigError."""
    return checked_properties(settings.require_registry(), NEEDS_REGISTRY)


def checked_properties(properties: Mapping[str, str], needs: str) -> Mapping[str, str]:
    """The same properties. Raises ConfigError for one that there is not, and, with `needs`, where the address lacks."""
    for name in properties:
        if name not in PROPERTIES:
            raise ConfigError(
                f"kafka.{name}", "****", f"the registry has no such property, but {', '.join(PROPERTIES)}"
            )
    if not properties.get(PREFIX + "url"):
        raise ConfigError(f"kafka.{PREFIX}url", None, needs)
    return properties
