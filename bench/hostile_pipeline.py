"""The shipped pipeline, stricter: a size limit, and an ad that no dimension knows is a dead letter."""

from dataclasses import replace

from pipelines.ads import pipeline as ads

pipeline = replace(
    ads,
    name="hostile",
    max_record_bytes=60_000,
    dimensions=[replace(each, path=f"../pipelines/{each.path}", unknown="dead_letter") for each in ads.dimensions],
)
