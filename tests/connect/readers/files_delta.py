"""delta-rs: a folder of Parquet files made a table, in place."""

import json
import os
import sys

from deltalake import DeltaTable, convert_to_deltalake

convert_to_deltalake(sys.argv[1])
rows = DeltaTable(sys.argv[1]).to_pyarrow_table()
print(json.dumps([rows.num_rows, str(sum(rows.column("cost").to_pylist())), sorted(rows.column_names)]), flush=True)
# its threads have nothing more to do
os._exit(0)
