"""Where each setting has its value from."""

from runtime.settings import SETTINGS, Settings, as_text


def origins(settings: Settings) -> list[tuple[str, str, str]]:
    """(key, value as text, origin) of every setting, Kafka properties one by one, secrets as **** or as referred to."""
    rows = []
    for key in SETTINGS:
        value = getattr(settings, key)
        if key == "kafka" and value:
            from dataflow.sources.kafka.properties import shown

            rows += [
                (f"kafka.{name}", shown(name, text), settings.places[f"kafka.{name}"]) for name, text in value.items()
            ]
        else:
            text = as_text(value)
            if key == "serve_token" and text:
                from dataflow.sources.kafka.properties import shown

                text = shown(key, text)
            rows.append((key, text, settings.places.get(key, "default")))
    return rows
