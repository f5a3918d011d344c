"""pyiceberg: Parquet files taken into a table, whose schema is that of the last, its columns in this order."""

import json
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.catalog.sql import SqlCatalog

asked = json.load(sys.stdin)
fields = [field.remove_metadata() for field in pq.read_schema(asked["files"][-1])]
if asked["columns"]:
    fields = [field for name in asked["columns"] for field in fields if field.name == name]
folder = Path(sys.argv[1])
catalog = SqlCatalog("test", uri=f"sqlite:///{folder}/catalog.db", warehouse=f"file://{folder}")
catalog.create_namespace("main")
try:
    table = catalog.create_table("main.taken", schema=pa.schema(fields))
    table.add_files(asked["files"])
    rows = table.scan().to_arrow()
    print(json.dumps({name: list(map(str, rows.column(name).to_pylist())) for name in rows.column_names}))
except Exception as error:
    print(json.dumps(f"{type(error).__name__}: {error}"))
