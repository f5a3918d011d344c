#!/bin/sh
# DuckDB exports UHUGEINT to Arrow as decimal128(38, 0) with the same 128 bits, which Arrow reads as signed: every value
# from 2^127 on changes without an error, the largest one to -1, while fetchall() gives the right integer. Values from
# 10^38 to 2^127 - 1 keep their digits, though they have one digit more than the type says.
#
# Seen with duckdb 2.0.1 and pyarrow 26.0.1 on Python 3.11, through to_arrow_table():
#   2^127 - 1 -> 170141183460469231731687303715884105727   right
#   2^127     -> -170141183460469231731687303715884105728  wrong
#   2^128 - 1 -> -1                                        wrong
# Exits with 0 while that is so, with 1 once it has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check duckdb==2.0.1 pyarrow==26.0.1
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import duckdb

values = [2**127 - 1, 2**127, 2**128 - 1]
sql = "SELECT unnest([" + ", ".join(f"'{value}'::UHUGEINT" for value in values) + "]) AS value"
rows = [row[0] for row in duckdb.sql(sql).fetchall()]
column = duckdb.sql(sql).to_arrow_table()["value"]
arrow = [int(value) for value in column.to_pylist()]
for value, row, exported in zip(values, rows, arrow):
    print(f"{value}: rows {row}, {column.type} {exported}")
seen = [2**127 - 1, -(2**127), -1]
unchanged = str(column.type) == "decimal128(38, 0)" and rows == values and arrow == seen
print("as described" if unchanged else "changed")
sys.exit(0 if unchanged else 1)
PYTHON
