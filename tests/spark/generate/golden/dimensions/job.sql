-- Pipeline visits: made by `tidemill spark generate`; change the pipeline file, not this one.

CREATE OR REPLACE TEMPORARY VIEW `_records` AS SELECT
  topic AS `_topic`, partition AS `_partition`, offset AS `_offset`,
  CASE WHEN timestampType = -1 THEN CAST(NULL AS BIGINT) ELSE UNIX_MILLIS(timestamp) END AS `_timestamp`,
  value AS `_value`
FROM `_kafka`;

CREATE OR REPLACE TEMPORARY VIEW `_of_shops` AS SELECT CAST(c0 AS STRING) AS `_key`, CAST(c1 AS STRING) AS `town`, CAST(c2 AS BIGINT) AS `since` FROM VALUES
  ('sho0', 'Ede', CAST(NULL AS BIGINT)),
  ('sho1', 'Oss', CAST('1' AS BIGINT)),
  ('sho2', 'Ürzig', CAST('2' AS BIGINT)),
  ('sho3', CAST(NULL AS STRING), CAST('3' AS BIGINT)),
  ('sho4', 'Ede', CAST('4' AS BIGINT)),
  ('sho5', 'Oss', CAST('5' AS BIGINT)),
  ('sho6', 'Ürzig', CAST('6' AS BIGINT)),
  ('sho7', CAST(NULL AS STRING), CAST(NULL AS BIGINT)),
  ('sho8', 'Ede', CAST('1' AS BIGINT)),
  ('sho9', 'Oss', CAST('2' AS BIGINT)),
  ('sho10', 'Ürzig', CAST('3' AS BIGINT)),
  ('sho11', CAST(NULL AS STRING), CAST('4' AS BIGINT)),
  ('sho12', 'Ede', CAST('5' AS BIGINT)),
  ('sho13', 'Oss', CAST('6' AS BIGINT)),
  ('sho14', 'Ürzig', CAST(NULL AS BIGINT)),
  ('sho15', CAST(NULL AS STRING), CAST('1' AS BIGINT)),
  ('sho16', 'Ede', CAST('2' AS BIGINT)),
  ('sho17', 'Oss', CAST('3' AS BIGINT)),
  ('sho18', 'Ürzig', CAST('4' AS BIGINT)),
  ('sho19', CAST(NULL AS STRING), CAST('5' AS BIGINT)),
  ('sho20', 'Ede', CAST('6' AS BIGINT)),
  ('sho21', 'Oss', CAST(NULL AS BIGINT)),
  ('sho22', 'Ürzig', CAST('1' AS BIGINT)),
  ('sho23', CAST(NULL AS STRING), CAST('2' AS BIGINT)),
  ('sho24', 'Ede', CAST('3' AS BIGINT))
AS t (c0, c1, c2);

CREATE OR REPLACE TEMPORARY VIEW `_of_kinds` AS SELECT CAST(c0 AS STRING) AS `_key`, CAST(c1 AS DECIMAL(18, 6)) AS `weight` FROM VALUES
  ('buy', CAST('2.500001' AS DECIMAL(18, 6)))
AS t (c0, c1);

CREATE OR REPLACE TEMPORARY VIEW `_judged` AS SELECT *,
  strict_event('"id" str length 1 40, "at" time_ms range 0 4102444799999, "kind" str in ("see" "buy"), "shop" str, "items" int absent 1, "paid" money null absent null, "score" float null absent null', `_value`, '1,2,3,4,5') AS `_event`
FROM `_records`;

CREATE OR REPLACE TEMPORARY VIEW `_read` AS SELECT
  `_topic`, `_partition`, `_offset`, `_timestamp`,
  CASE WHEN (`_event`.`reason` IS NOT NULL) OR (`_of_kinds`.`_key` IS NULL) OR (`_event`.`at` - 300000 > `_timestamp`) THEN `_value` END AS `_value`,
  CASE WHEN `_event`.`reason` IS NOT NULL THEN `_event`.`reason` WHEN `_of_kinds`.`_key` IS NULL THEN 'unknown_dimension' WHEN `_event`.`at` - 300000 > `_timestamp` THEN 'future_event' END AS `_reason`,
  CASE WHEN `_event`.`reason` IS NOT NULL THEN `_event`.`field` WHEN `_of_kinds`.`_key` IS NULL THEN 'kind' WHEN `_event`.`at` - 300000 > `_timestamp` THEN 'at' END AS `_field`,
  `_event`.`at` AS `at`,
  `_event`.`kind` AS `kind`,
  `_event`.`shop` AS `shop`,
  `_event`.`items` AS `items`,
  `_event`.`paid` AS `paid`,
  `_of_shops`.`town`,
  `_of_shops`.`since`,
  `_of_kinds`.`weight`
FROM `_judged`
LEFT JOIN `_of_shops` ON `_judged`.`_event`.`shop` = `_of_shops`.`_key`
LEFT JOIN `_of_kinds` ON `_judged`.`_event`.`kind` = `_of_kinds`.`_key`;

CACHE LAZY TABLE `_read`;

CREATE OR REPLACE TEMPORARY VIEW `_marked` AS SELECT *,
  MAX(`at`) OVER (PARTITION BY `_topic`, `_partition` ORDER BY `_offset` ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) - 2000 AS `_watermark`
FROM `_read` WHERE `_reason` IS NULL;

CREATE OR REPLACE TEMPORARY VIEW `_rows` AS SELECT * FROM `_marked`;

CACHE LAZY TABLE `_rows`;

CREATE OR REPLACE TEMPORARY VIEW `towns` AS SELECT
  `town`,
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
) GROUP BY `town`, `_start`, `_end`;

CREATE OR REPLACE TEMPORARY VIEW `since` AS SELECT
  `since`,
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
  FROM `_rows` WHERE NOT COALESCE(`at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 + 999 <= `_watermark`, FALSE) AND ((`since` > 3) OR (`town` IS NULL))
) GROUP BY `since`, `_start`, `_end`;

CREATE OR REPLACE TEMPORARY VIEW `weights` AS SELECT
  `_start` AS `window_start`,
  `_end` AS `window_end`,
  SUM(`weight`) AS `weight`
FROM (
  SELECT *,
    `at` - MOD(MOD(`at`, 10000) + 10000, 10000) AS `_start`,
    `at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 AS `_end`
  FROM `_rows` WHERE NOT COALESCE(`at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 + 999 <= `_watermark`, FALSE)
) GROUP BY `_start`, `_end`;

CREATE OR REPLACE TEMPORARY VIEW `late_events` AS
SELECT 'towns' AS `rollup`, `_topic` AS `topic`, `_partition` AS `partition`, `_offset` AS `offset`,
  `at` AS `event_time`, `_watermark` AS `watermark`, `_watermark` - (`at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 + 999) AS `late_by_ms`
FROM `_rows` WHERE COALESCE(`at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 + 999 <= `_watermark`, FALSE)
UNION ALL
SELECT 'since' AS `rollup`, `_topic` AS `topic`, `_partition` AS `partition`, `_offset` AS `offset`,
  `at` AS `event_time`, `_watermark` AS `watermark`, `_watermark` - (`at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 + 999) AS `late_by_ms`
FROM `_rows` WHERE COALESCE(`at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 + 999 <= `_watermark`, FALSE) AND ((`since` > 3) OR (`town` IS NULL))
UNION ALL
SELECT 'weights' AS `rollup`, `_topic` AS `topic`, `_partition` AS `partition`, `_offset` AS `offset`,
  `at` AS `event_time`, `_watermark` AS `watermark`, `_watermark` - (`at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 + 999) AS `late_by_ms`
FROM `_rows` WHERE COALESCE(`at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 + 999 <= `_watermark`, FALSE);

CREATE OR REPLACE TEMPORARY VIEW `dead_letters` AS SELECT `_topic` AS `topic`, `_partition` AS `partition`, `_offset` AS `offset`,
  `_timestamp` AS `record_timestamp`, `_value` AS `value`, `_reason` AS `reason`, `_field` AS `field`
FROM `_read` WHERE `_reason` IS NOT NULL;
