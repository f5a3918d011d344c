"""The generated job on a real Spark, from pinned offset to pinned offset."""

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from dataflow.errors import ConfigError
from dataflow.pipeline.plan import Plan
from proof.parity.engine import Answer
from proof.parity.records import Kafka, Pins
from spark.environment.submit import Spark
from spark.generate.files import write_files
from spark.generate.generate import generate
from spark.generate.options import Form, Options
from spark.parity.tables import written_tables

BATCHES = 2
"""A stream takes its records in so many, and what is left over in one more."""


@dataclass(frozen=True, slots=True)
class SparkEngine:
    """One run of a job of this form, as a side of a parity run."""

    form: Form = "batch"
    spark: Spark = field(default_factory=lambda: Spark(is_short=True))
    rollups: tuple[str, ...] | None = None

    @property
    def name(self) -> str:
        """As the side is called."""
        return f"spark-{self.form}"

    def ask(self, plan: Plan, pins: Pins, kafka: Kafka) -> Answer:
        """Generate the pipeline's job, run it and read its tables.

        Raises PipelineError where Spark cannot say it, SparkFailed where the job fails; then its log stays.
        """
        if kafka.properties:
            fix = "Spark's clients have other properties than ours, so a parity run on Spark takes none"
            raise ConfigError("--kafka", ", ".join(sorted(kafka.properties)), fix)
        options = Options(
            brokers=kafka.brokers,
            topics=(pins.topic,),
            start=pins.starts,
            end=pins.ends,
            form=self.form,
            per_batch=max(1, sum(end - start for start, end in pins.ranges.values()) // BATCHES),
            rollups=self.rollups,
        )
        generated = generate(plan, options)
        folder = Path(tempfile.mkdtemp(prefix="tidemill-spark-"))
        write_files(generated, folder)
        until = ["--until-now"] if self.form == "stream" else []
        self.spark.run(folder, ["--out", str(folder / "out"), *until], folder / "spark.log")
        tables = written_tables(plan, generated, folder / "out")
        shutil.rmtree(folder)
        return Answer(tables, f"{sum(each.num_rows for each in tables.values()):,} rows in {len(tables)} tables")
