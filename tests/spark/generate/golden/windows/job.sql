-- Pipeline visits: made by `tidemill spark generate`; change the pipeline file, not this one.

CREATE OR REPLACE TEMPORARY VIEW `_records` AS SELECT
  topic AS `_topic`, partition AS `_partition`, offset AS `_offset`,
  CASE WHEN timestampType = -1 THEN CAST(NULL AS BIGINT) ELSE UNIX_MILLIS(timestamp) END AS `_timestamp`,
  value AS `_value`
FROM `_kafka`;

CREATE OR REPLACE TEMPORARY VIEW `_judged` AS SELECT *,
  strict_event('"id" str length 1 40, "at" time_ms range 0 4102444799999, "kind" str in ("see" "buy"), "shop" str, "items" int absent 1, "paid" money null absent null, "score" float null absent null', `_value`, '1,2,3,4,5') AS `_event`
FROM `_records`;

CREATE OR REPLACE TEMPORARY VIEW `_read` AS SELECT
  `_topic`, `_partition`, `_offset`, `_timestamp`,
  CASE WHEN (`_event`.`reason` IS NOT NULL) OR (`_event`.`at` - 300000 > `_timestamp`) THEN `_value` END AS `_value`,
  CASE WHEN `_event`.`reason` IS NOT NULL THEN `_event`.`reason` WHEN `_event`.`at` - 300000 > `_timestamp` THEN 'future_event' END AS `_reason`,
  CASE WHEN `_event`.`reason` IS NOT NULL THEN `_event`.`field` WHEN `_event`.`at` - 300000 > `_timestamp` THEN 'at' END AS `_field`,
  `_event`.`at` AS `at`,
  `_event`.`kind` AS `kind`,
  `_event`.`shop` AS `shop`,
  `_event`.`items` AS `items`,
  `_event`.`paid` AS `paid`
FROM `_judged`;

CACHE LAZY TABLE `_read`;

CREATE OR REPLACE TEMPORARY VIEW `_marked` AS SELECT *,
  MAX(`at`) OVER (PARTITION BY `_topic`, `_partition` ORDER BY `_offset` ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) - 2000 AS `_watermark`
FROM `_read` WHERE `_reason` IS NULL;

CREATE OR REPLACE TEMPORARY VIEW `_rows` AS SELECT * FROM `_marked`;

CACHE LAZY TABLE `_rows`;

CREATE OR REPLACE TEMPORARY VIEW `tumbled` AS SELECT
  `shop`,
  `_start` AS `window_start`,
  `_end` AS `window_end`,
  COUNT(*) AS `n`,
  COUNT(*) FILTER (WHERE `kind` = 'buy') AS `buys`,
  SUM(`paid`) AS `paid`,
  SUM(CAST(`items` AS DECIMAL(38, 0))) AS `items`,
  MIN(`paid`) AS `least`,
  MAX(`shop`) AS `last`,
  CAST(SUM(CAST(`items` AS DECIMAL(38, 0))) AS DOUBLE) / COUNT(`items`) AS `mean_items`,
  CAST(SUM(`paid`) AS DOUBLE) / COUNT(`paid`) AS `mean_paid`,
  COUNT(DISTINCT `shop`) AS `shops`
FROM (
  SELECT *,
    `at` - MOD(MOD(`at`, 10000) + 10000, 10000) AS `_start`,
    `at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 AS `_end`
  FROM `_rows` WHERE NOT COALESCE(`at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 + 999 <= `_watermark`, FALSE)
) GROUP BY `shop`, `_start`, `_end`;

CREATE OR REPLACE TEMPORARY VIEW `hopped` AS SELECT
  `kind`,
  `_start` AS `window_start`,
  `_end` AS `window_end`,
  COUNT(*) AS `n`,
  COUNT(*) FILTER (WHERE `kind` = 'buy') AS `buys`,
  SUM(`paid`) AS `paid`,
  SUM(CAST(`items` AS DECIMAL(38, 0))) AS `items`,
  MIN(`paid`) AS `least`,
  MAX(`shop`) AS `last`,
  CAST(SUM(CAST(`items` AS DECIMAL(38, 0))) AS DOUBLE) / COUNT(`items`) AS `mean_items`,
  CAST(SUM(`paid`) AS DOUBLE) / COUNT(`paid`) AS `mean_paid`,
  COUNT(DISTINCT `shop`) AS `shops`
FROM (
  SELECT *,
    `_in_window` - MOD(MOD(`_in_window`, 5000) + 5000, 5000) AS `_start`,
    `_in_window` - MOD(MOD(`_in_window`, 5000) + 5000, 5000) + 20000 AS `_end`
  FROM `_rows` LATERAL VIEW EXPLODE(ARRAY(`at`, `at` - 5000, `at` - 10000, `at` - 15000)) `_windows` AS `_in_window` WHERE NOT COALESCE(`_in_window` - MOD(MOD(`_in_window`, 5000) + 5000, 5000) + 20000 + 999 <= `_watermark`, FALSE) AND (`kind` <> 'see')
) GROUP BY `kind`, `_start`, `_end`;

CREATE OR REPLACE TEMPORARY VIEW `grown` AS SELECT
  `_start` AS `window_start`,
  `_end` AS `window_end`,
  COUNT(*) AS `n`,
  COUNT(*) FILTER (WHERE `kind` = 'buy') AS `buys`,
  SUM(`paid`) AS `paid`,
  SUM(CAST(`items` AS DECIMAL(38, 0))) AS `items`,
  MIN(`paid`) AS `least`,
  MAX(`shop`) AS `last`,
  CAST(SUM(CAST(`items` AS DECIMAL(38, 0))) AS DOUBLE) / COUNT(`items`) AS `mean_items`,
  CAST(SUM(`paid`) AS DOUBLE) / COUNT(`paid`) AS `mean_paid`,
  COUNT(DISTINCT `shop`) AS `shops`
FROM (
  SELECT *,
    `at` - MOD(MOD(`at`, 20000) + 20000, 20000) AS `_start`,
    `_in_window` - MOD(MOD(`_in_window`, 5000) + 5000, 5000) + 5000 AS `_end`
  FROM `_rows` LATERAL VIEW EXPLODE(ARRAY(`at`, `at` + 5000, `at` + 10000, `at` + 15000)) `_windows` AS `_in_window` WHERE NOT COALESCE(`_in_window` - MOD(MOD(`_in_window`, 5000) + 5000, 5000) + 5000 + -1 <= `_watermark`, FALSE) AND `_in_window` - MOD(MOD(`_in_window`, 5000) + 5000, 5000) + 5000 <= `at` - MOD(MOD(`at`, 20000) + 20000, 20000) + 20000
) GROUP BY `_start`, `_end`;

CREATE OR REPLACE TEMPORARY VIEW `moved` AS SELECT
  `shop`,
  `_start` AS `window_start`,
  `_end` AS `window_end`,
  COUNT(*) AS `n`
FROM (
  SELECT *,
    `at` - MOD(MOD(`at` - 3000, 7000) + 7000, 7000) AS `_start`,
    `at` - MOD(MOD(`at` - 3000, 7000) + 7000, 7000) + 7000 AS `_end`
  FROM `_rows` WHERE NOT COALESCE(`at` - MOD(MOD(`at` - 3000, 7000) + 7000, 7000) + 7000 + 999 <= `_watermark`, FALSE)
) GROUP BY `shop`, `_start`, `_end`;

CREATE OR REPLACE TEMPORARY VIEW `late_events` AS
SELECT 'tumbled' AS `rollup`, `_topic` AS `topic`, `_partition` AS `partition`, `_offset` AS `offset`,
  `at` AS `event_time`, `_watermark` AS `watermark`, `_watermark` - (`at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 + 999) AS `late_by_ms`
FROM `_rows` WHERE COALESCE(`at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 + 999 <= `_watermark`, FALSE)
UNION ALL
SELECT 'hopped' AS `rollup`, `_topic` AS `topic`, `_partition` AS `partition`, `_offset` AS `offset`,
  `at` AS `event_time`, `_watermark` AS `watermark`, `_watermark` - (`at` - MOD(MOD(`at`, 5000) + 5000, 5000) + 20000 + 999) AS `late_by_ms`
FROM `_rows` WHERE COALESCE(`at` - MOD(MOD(`at`, 5000) + 5000, 5000) + 20000 + 999 <= `_watermark`, FALSE) AND (`kind` <> 'see')
UNION ALL
SELECT 'grown' AS `rollup`, `_topic` AS `topic`, `_partition` AS `partition`, `_offset` AS `offset`,
  `at` AS `event_time`, `_watermark` AS `watermark`, `_watermark` - (`at` - MOD(MOD(`at`, 20000) + 20000, 20000) + 20000 + -1) AS `late_by_ms`
FROM `_rows` WHERE COALESCE(`at` - MOD(MOD(`at`, 20000) + 20000, 20000) + 20000 + -1 <= `_watermark`, FALSE)
UNION ALL
SELECT 'moved' AS `rollup`, `_topic` AS `topic`, `_partition` AS `partition`, `_offset` AS `offset`,
  `at` AS `event_time`, `_watermark` AS `watermark`, `_watermark` - (`at` - MOD(MOD(`at` - 3000, 7000) + 7000, 7000) + 7000 + 999) AS `late_by_ms`
FROM `_rows` WHERE COALESCE(`at` - MOD(MOD(`at` - 3000, 7000) + 7000, 7000) + 7000 + 999 <= `_watermark`, FALSE);

CREATE OR REPLACE TEMPORARY VIEW `dead_letters` AS SELECT `_topic` AS `topic`, `_partition` AS `partition`, `_offset` AS `offset`,
  `_timestamp` AS `record_timestamp`, `_value` AS `value`, `_reason` AS `reason`, `_field` AS `field`
FROM `_read` WHERE `_reason` IS NOT NULL;
