"""ibis and SQLAlchemy, each over DuckDB with the lake attached."""

import json
import sys

import ibis
import sqlalchemy as sa

ATTACH = f"ATTACH 'ducklake:sqlite:{sys.argv[1]}/catalog.sqlite' AS lake (READ_ONLY)"

connection = ibis.duckdb.connect()
connection.raw_sql("INSTALL ducklake")
connection.raw_sql(ATTACH)
events = connection.table("events", database=("lake", "main"))
clicks = connection.table("ad_clicks_1m", database=("lake", "main")).clicks.sum().execute()
by_ibis = [
    int(events.count().execute()),
    int(clicks),
    str(events.cost.sum().execute()),
    str(events.cost.mean().execute()),
]

with sa.create_engine("duckdb:///:memory:").connect() as alchemy:
    alchemy.execute(sa.text(ATTACH))
    by_alchemy = [
        int(alchemy.execute(sa.text(f"SELECT {what}")).scalar())
        for what in ("count(*) FROM lake.events", "sum(clicks) FROM lake.ad_clicks_1m")
    ]
    try:
        sa.Table("events", sa.MetaData(), schema="lake.main", autoload_with=alchemy)
        reflected = ""
    except Exception as error:
        reflected = str(error)
print()
print(json.dumps({"ibis": by_ibis, "alchemy": by_alchemy, "reflected": reflected}))
