"""The same observations by the official DuckLake client, in its own environment (no module of ours to import).

Standard input: one line of JSON {catalog, sqls}; standard output: one line per poll {snapshot, rows} or {failed}.
"""

import glob
import json
import os
import sys
import sysconfig
import time

import duckdb

asked = json.loads(sys.stdin.readline())
con = duckdb.connect(config={"allow_unsigned_extensions": "true", "threads": "1"})
folder = sysconfig.get_paths()["purelib"]
for path in sorted(
    glob.glob(os.path.join(folder, "duckdb_extension_*/extensions/*/*.duckdb_extension")),
    key=lambda path: "ducklake" in path,
):
    con.execute(f"LOAD '{path}'")
con.execute(f"ATTACH 'ducklake:sqlite:{asked['catalog']}' AS lake (READ_ONLY)")
con.execute("USE lake")
deadline = time.monotonic() + 3600
while time.monotonic() < deadline:
    try:
        con.execute("BEGIN")
        rows = con.execute(" UNION ALL ".join(asked["sqls"])).fetchall()
        newest = con.execute("SELECT max(snapshot_id) FROM lake.snapshots()").fetchone()
        told = {
            "rows": rows,
            "snapshot": newest[0] if newest else None,
        }
        con.execute("COMMIT")
    except duckdb.Error as error:
        con.execute("ROLLBACK")
        told = {"failed": f"{type(error).__name__}: {error}"}
    try:
        print(json.dumps(told), flush=True)
    except BrokenPipeError:
        break
    time.sleep(0.2)
