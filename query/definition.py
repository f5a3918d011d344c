"""The pipeline as its lake remembers it: what a reader must know without the pipeline file."""

from dataflow.errors import ForeignLake
from query.reader import LakeReader
from sinks.lake.catalog.reader import CatalogReader
from sinks.lake.catalog.sqlite import told
from sinks.lake.tables.definition import Definition, read_definition


def lake_definition(reader: LakeReader) -> Definition:
    """Read the definition in the catalog. Raises ForeignLake if no pipeline of ours has filled the lake."""
    return definition_in(reader.resolver.catalog())


def definition_in(catalog: CatalogReader) -> Definition:
    """The same by a handle on the catalog."""
    with told(catalog.path, 0):
        known = catalog.connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'own_pipeline'").fetchall()
        rows = catalog.connection.execute("SELECT name, definition FROM own_pipeline").fetchall() if known else []
    if not rows:
        raise ForeignLake(f"no Tidemill pipeline has filled the lake {catalog.folder}; name another folder with --lake")
    name, text = rows[0]
    return (read_definition(text) or Definition())._replace(name=name)
