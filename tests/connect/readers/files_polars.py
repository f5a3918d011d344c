"""Polars over the files that `tidemill files` names, three ways."""

import json
import sys

import polars as pl

files = json.load(sys.stdin)
newest_last = pl.concat([pl.scan_parquet(path) for path in files], how="diagonal").collect()
ignoring = pl.scan_parquet(files, extra_columns="ignore", missing_columns="insert").collect()
try:
    pl.scan_parquet(files).collect()
    plain = ""
except Exception as error:
    plain = type(error).__name__
print(json.dumps({"plain": plain, "ignoring": sorted(ignoring.columns), "diagonal": sorted(newest_last.columns)}))
print(json.dumps([ignoring.height, newest_last.height, str(newest_last["cost"].sum())]))
