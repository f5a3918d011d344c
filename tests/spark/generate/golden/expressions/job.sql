-- Pipeline visits: made by `tidemill spark generate`; change the pipeline file, not this one.

CREATE OR REPLACE TEMPORARY VIEW `_records` AS SELECT
  topic AS `_topic`, partition AS `_partition`, offset AS `_offset`,
  CASE WHEN timestampType = -1 THEN CAST(NULL AS BIGINT) ELSE UNIX_MILLIS(timestamp) END AS `_timestamp`,
  value AS `_value`
FROM `_kafka`;

CREATE OR REPLACE TEMPORARY VIEW `_judged` AS SELECT *,
  strict_event('"id" str length 1 40, "at" time_ms range 0 4102444799999, "kind" str in ("see" "buy"), "shop" str, "items" int absent 1, "paid" money null absent null, "score" float null absent null', `_value`, '1,2,3,4,5,6') AS `_event`
FROM `_records`;

CREATE OR REPLACE TEMPORARY VIEW `_read` AS SELECT
  `_topic`, `_partition`, `_offset`, `_timestamp`,
  CASE WHEN (`_event`.`reason` IS NOT NULL) THEN `_value` END AS `_value`,
  CASE WHEN `_event`.`reason` IS NOT NULL THEN `_event`.`reason` END AS `_reason`,
  CASE WHEN `_event`.`reason` IS NOT NULL THEN `_event`.`field` END AS `_field`,
  `_event`.`at` AS `at`,
  `_event`.`kind` AS `kind`,
  `_event`.`shop` AS `shop`,
  `_event`.`items` AS `items`,
  `_event`.`paid` AS `paid`,
  `_event`.`score` AS `score`
FROM `_judged`;

CACHE LAZY TABLE `_read`;

CREATE OR REPLACE TEMPORARY VIEW `_marked` AS SELECT *,
  MAX(`at`) OVER (PARTITION BY `_topic`, `_partition` ORDER BY `_offset` ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) - 2000 AS `_watermark`
FROM `_read` WHERE `_reason` IS NULL;

CREATE OR REPLACE TEMPORARY VIEW `_rows` AS SELECT * FROM `_marked`;

CACHE LAZY TABLE `_rows`;

CREATE OR REPLACE TEMPORARY VIEW `where_0` AS SELECT
  `kind`,
  `_start` AS `window_start`,
  `_end` AS `window_end`,
  COUNT(*) AS `n`
FROM (
  SELECT *,
    `at` - MOD(MOD(`at`, 10000) + 10000, 10000) AS `_start`,
    `at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 AS `_end`
  FROM `_rows` WHERE NOT COALESCE(`at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 + 999 <= `_watermark`, FALSE) AND (((CAST(`items` AS DOUBLE) / CAST(2 AS DOUBLE)) > CAST(1.4 AS DOUBLE)) AND ((CAST(`items` AS DOUBLE) / CAST(2 AS DOUBLE)) < CAST(1.6 AS DOUBLE)))
) GROUP BY `kind`, `_start`, `_end`;

CREATE OR REPLACE TEMPORARY VIEW `where_1` AS SELECT
  `kind`,
  `_start` AS `window_start`,
  `_end` AS `window_end`,
  COUNT(*) AS `n`
FROM (
  SELECT *,
    `at` - MOD(MOD(`at`, 10000) + 10000, 10000) AS `_start`,
    `at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 AS `_end`
  FROM `_rows` WHERE NOT COALESCE(`at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 + 999 <= `_watermark`, FALSE) AND ((CASE WHEN CAST(`items` AS DOUBLE) = 0E0 THEN CAST(`paid` AS DOUBLE) * CASE WHEN CAST(CAST(`items` AS DOUBLE) AS STRING) = '-0.0' THEN DOUBLE('-Infinity') ELSE DOUBLE('Infinity') END ELSE CAST(`paid` AS DOUBLE) / CAST(`items` AS DOUBLE) END) > CAST(100 AS DOUBLE))
) GROUP BY `kind`, `_start`, `_end`;

CREATE OR REPLACE TEMPORARY VIEW `where_2` AS SELECT
  `kind`,
  `_start` AS `window_start`,
  `_end` AS `window_end`,
  COUNT(*) AS `n`
FROM (
  SELECT *,
    `at` - MOD(MOD(`at`, 10000) + 10000, 10000) AS `_start`,
    `at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 AS `_end`
  FROM `_rows` WHERE NOT COALESCE(`at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 + 999 <= `_watermark`, FALSE) AND (NOT ((CASE WHEN CAST(`items` AS DOUBLE) = 0E0 THEN `score` * CASE WHEN CAST(CAST(`items` AS DOUBLE) AS STRING) = '-0.0' THEN DOUBLE('-Infinity') ELSE DOUBLE('Infinity') END ELSE `score` / CAST(`items` AS DOUBLE) END) < CAST(1 AS DOUBLE)))
) GROUP BY `kind`, `_start`, `_end`;

CREATE OR REPLACE TEMPORARY VIEW `where_3` AS SELECT
  `kind`,
  `_start` AS `window_start`,
  `_end` AS `window_end`,
  COUNT(*) AS `n`
FROM (
  SELECT *,
    `at` - MOD(MOD(`at`, 10000) + 10000, 10000) AS `_start`,
    `at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 AS `_end`
  FROM `_rows` WHERE NOT COALESCE(`at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 + 999 <= `_watermark`, FALSE) AND ((CAST(`items` AS DECIMAL(19, 0)) + CAST(`items` AS DECIMAL(19, 0))) > 0)
) GROUP BY `kind`, `_start`, `_end`;

CREATE OR REPLACE TEMPORARY VIEW `where_4` AS SELECT
  `kind`,
  `_start` AS `window_start`,
  `_end` AS `window_end`,
  COUNT(*) AS `n`
FROM (
  SELECT *,
    `at` - MOD(MOD(`at`, 10000) + 10000, 10000) AS `_start`,
    `at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 AS `_end`
  FROM `_rows` WHERE NOT COALESCE(`at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 + 999 <= `_watermark`, FALSE) AND (((CAST(`items` AS DECIMAL(19, 0)) * CAST(2 AS DECIMAL(1, 0))) >= 20) AND ((-CAST(`items` AS DECIMAL(19, 0))) < -5))
) GROUP BY `kind`, `_start`, `_end`;

CREATE OR REPLACE TEMPORARY VIEW `where_5` AS SELECT
  `kind`,
  `_start` AS `window_start`,
  `_end` AS `window_end`,
  COUNT(*) AS `n`
FROM (
  SELECT *,
    `at` - MOD(MOD(`at`, 10000) + 10000, 10000) AS `_start`,
    `at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 AS `_end`
  FROM `_rows` WHERE NOT COALESCE(`at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 + 999 <= `_watermark`, FALSE) AND ((`shop` LIKE '%o1_') OR (`shop` LIKE '%\\\\\\\\%'))
) GROUP BY `kind`, `_start`, `_end`;

CREATE OR REPLACE TEMPORARY VIEW `where_6` AS SELECT
  `kind`,
  `_start` AS `window_start`,
  `_end` AS `window_end`,
  COUNT(*) AS `n`
FROM (
  SELECT *,
    `at` - MOD(MOD(`at`, 10000) + 10000, 10000) AS `_start`,
    `at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 AS `_end`
  FROM `_rows` WHERE NOT COALESCE(`at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 + 999 <= `_watermark`, FALSE) AND (((`paid` >= 1) AND (`paid` <= 10.5)) OR ((`paid` = 2) OR (`paid` = 3.5)))
) GROUP BY `kind`, `_start`, `_end`;

CREATE OR REPLACE TEMPORARY VIEW `where_7` AS SELECT
  `kind`,
  `_start` AS `window_start`,
  `_end` AS `window_end`,
  COUNT(*) AS `n`
FROM (
  SELECT *,
    `at` - MOD(MOD(`at`, 10000) + 10000, 10000) AS `_start`,
    `at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 AS `_end`
  FROM `_rows` WHERE NOT COALESCE(`at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 + 999 <= `_watermark`, FALSE) AND ((CAST(`paid` AS DECIMAL(18, 6)) * CAST(1.5 AS DECIMAL(2, 1))) > `items`)
) GROUP BY `kind`, `_start`, `_end`;

CREATE OR REPLACE TEMPORARY VIEW `where_8` AS SELECT
  `kind`,
  `_start` AS `window_start`,
  `_end` AS `window_end`,
  COUNT(*) AS `n`
FROM (
  SELECT *,
    `at` - MOD(MOD(`at`, 10000) + 10000, 10000) AS `_start`,
    `at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 AS `_end`
  FROM `_rows` WHERE NOT COALESCE(`at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 + 999 <= `_watermark`, FALSE) AND ((`score` >= CAST(0.1 AS DOUBLE)) AND (`score` <> CAST(3 AS DOUBLE)))
) GROUP BY `kind`, `_start`, `_end`;

CREATE OR REPLACE TEMPORARY VIEW `where_9` AS SELECT
  `kind`,
  `_start` AS `window_start`,
  `_end` AS `window_end`,
  COUNT(*) AS `n`
FROM (
  SELECT *,
    `at` - MOD(MOD(`at`, 10000) + 10000, 10000) AS `_start`,
    `at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 AS `_end`
  FROM `_rows` WHERE NOT COALESCE(`at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 + 999 <= `_watermark`, FALSE) AND ((NOT (`shop` IN ('sho1', 'sho2'))) AND (NOT (`paid` IS NULL)))
) GROUP BY `kind`, `_start`, `_end`;

CREATE OR REPLACE TEMPORARY VIEW `sums` AS SELECT
  `shop`,
  `_start` AS `window_start`,
  `_end` AS `window_end`,
  SUM(CAST(`items` AS DECIMAL(38, 0))) AS `items`,
  CAST(SUM(CAST(`items` AS DECIMAL(38, 0))) AS DOUBLE) / COUNT(`items`) AS `mean_items`,
  CAST(SUM(`paid`) AS DOUBLE) / COUNT(`paid`) AS `mean_paid`,
  SUM(`score`) AS `scores`,
  SUM(`paid`) FILTER (WHERE (CASE WHEN CAST(0 AS DOUBLE) = 0E0 THEN CAST(`items` AS DOUBLE) * CASE WHEN CAST(CAST(0 AS DOUBLE) AS STRING) = '-0.0' THEN DOUBLE('-Infinity') ELSE DOUBLE('Infinity') END ELSE CAST(`items` AS DOUBLE) / CAST(0 AS DOUBLE) END) > CAST(1 AS DOUBLE)) AS `paid`
FROM (
  SELECT *,
    `at` - MOD(MOD(`at`, 604800000) + 604800000, 604800000) AS `_start`,
    `at` - MOD(MOD(`at`, 604800000) + 604800000, 604800000) + 604800000 AS `_end`
  FROM `_rows` WHERE NOT COALESCE(`at` - MOD(MOD(`at`, 604800000) + 604800000, 604800000) + 604800000 + 999 <= `_watermark`, FALSE)
) GROUP BY `shop`, `_start`, `_end`;

CREATE OR REPLACE TEMPORARY VIEW `weeks` AS SELECT
  `_start` AS `window_start`,
  `_end` AS `window_end`,
  COUNT(*) AS `n`,
  MAX(CASE WHEN `score` = 0E0 THEN 0E0 ELSE `score` END) AS `most`
FROM (
  SELECT *,
    `at` - MOD(MOD(`at`, 604800000) + 604800000, 604800000) AS `_start`,
    `at` - MOD(MOD(`at`, 604800000) + 604800000, 604800000) + 604800000 AS `_end`
  FROM `_rows` WHERE NOT COALESCE(`at` - MOD(MOD(`at`, 604800000) + 604800000, 604800000) + 604800000 + 999 <= `_watermark`, FALSE)
) GROUP BY `_start`, `_end`;

CREATE OR REPLACE TEMPORARY VIEW `sevens` AS SELECT
  `_start` AS `window_start`,
  `_end` AS `window_end`,
  COUNT(*) AS `n`,
  MAX(`at`) AS `late`
FROM (
  SELECT *,
    `at` - MOD(MOD(`at`, 420000) + 420000, 420000) AS `_start`,
    `at` - MOD(MOD(`at`, 420000) + 420000, 420000) + 420000 AS `_end`
  FROM `_rows` WHERE NOT COALESCE(`at` - MOD(MOD(`at`, 420000) + 420000, 420000) + 420000 + 999 <= `_watermark`, FALSE)
) GROUP BY `_start`, `_end`;

CREATE OR REPLACE TEMPORARY VIEW `late_events` AS
SELECT 'where_0' AS `rollup`, `_topic` AS `topic`, `_partition` AS `partition`, `_offset` AS `offset`,
  `at` AS `event_time`, `_watermark` AS `watermark`, `_watermark` - (`at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 + 999) AS `late_by_ms`
FROM `_rows` WHERE COALESCE(`at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 + 999 <= `_watermark`, FALSE) AND (((CAST(`items` AS DOUBLE) / CAST(2 AS DOUBLE)) > CAST(1.4 AS DOUBLE)) AND ((CAST(`items` AS DOUBLE) / CAST(2 AS DOUBLE)) < CAST(1.6 AS DOUBLE)))
UNION ALL
SELECT 'where_1' AS `rollup`, `_topic` AS `topic`, `_partition` AS `partition`, `_offset` AS `offset`,
  `at` AS `event_time`, `_watermark` AS `watermark`, `_watermark` - (`at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 + 999) AS `late_by_ms`
FROM `_rows` WHERE COALESCE(`at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 + 999 <= `_watermark`, FALSE) AND ((CASE WHEN CAST(`items` AS DOUBLE) = 0E0 THEN CAST(`paid` AS DOUBLE) * CASE WHEN CAST(CAST(`items` AS DOUBLE) AS STRING) = '-0.0' THEN DOUBLE('-Infinity') ELSE DOUBLE('Infinity') END ELSE CAST(`paid` AS DOUBLE) / CAST(`items` AS DOUBLE) END) > CAST(100 AS DOUBLE))
UNION ALL
SELECT 'where_2' AS `rollup`, `_topic` AS `topic`, `_partition` AS `partition`, `_offset` AS `offset`,
  `at` AS `event_time`, `_watermark` AS `watermark`, `_watermark` - (`at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 + 999) AS `late_by_ms`
FROM `_rows` WHERE COALESCE(`at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 + 999 <= `_watermark`, FALSE) AND (NOT ((CASE WHEN CAST(`items` AS DOUBLE) = 0E0 THEN `score` * CASE WHEN CAST(CAST(`items` AS DOUBLE) AS STRING) = '-0.0' THEN DOUBLE('-Infinity') ELSE DOUBLE('Infinity') END ELSE `score` / CAST(`items` AS DOUBLE) END) < CAST(1 AS DOUBLE)))
UNION ALL
SELECT 'where_3' AS `rollup`, `_topic` AS `topic`, `_partition` AS `partition`, `_offset` AS `offset`,
  `at` AS `event_time`, `_watermark` AS `watermark`, `_watermark` - (`at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 + 999) AS `late_by_ms`
FROM `_rows` WHERE COALESCE(`at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 + 999 <= `_watermark`, FALSE) AND ((CAST(`items` AS DECIMAL(19, 0)) + CAST(`items` AS DECIMAL(19, 0))) > 0)
UNION ALL
SELECT 'where_4' AS `rollup`, `_topic` AS `topic`, `_partition` AS `partition`, `_offset` AS `offset`,
  `at` AS `event_time`, `_watermark` AS `watermark`, `_watermark` - (`at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 + 999) AS `late_by_ms`
FROM `_rows` WHERE COALESCE(`at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 + 999 <= `_watermark`, FALSE) AND (((CAST(`items` AS DECIMAL(19, 0)) * CAST(2 AS DECIMAL(1, 0))) >= 20) AND ((-CAST(`items` AS DECIMAL(19, 0))) < -5))
UNION ALL
SELECT 'where_5' AS `rollup`, `_topic` AS `topic`, `_partition` AS `partition`, `_offset` AS `offset`,
  `at` AS `event_time`, `_watermark` AS `watermark`, `_watermark` - (`at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 + 999) AS `late_by_ms`
FROM `_rows` WHERE COALESCE(`at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 + 999 <= `_watermark`, FALSE) AND ((`shop` LIKE '%o1_') OR (`shop` LIKE '%\\\\\\\\%'))
UNION ALL
SELECT 'where_6' AS `rollup`, `_topic` AS `topic`, `_partition` AS `partition`, `_offset` AS `offset`,
  `at` AS `event_time`, `_watermark` AS `watermark`, `_watermark` - (`at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 + 999) AS `late_by_ms`
FROM `_rows` WHERE COALESCE(`at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 + 999 <= `_watermark`, FALSE) AND (((`paid` >= 1) AND (`paid` <= 10.5)) OR ((`paid` = 2) OR (`paid` = 3.5)))
UNION ALL
SELECT 'where_7' AS `rollup`, `_topic` AS `topic`, `_partition` AS `partition`, `_offset` AS `offset`,
  `at` AS `event_time`, `_watermark` AS `watermark`, `_watermark` - (`at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 + 999) AS `late_by_ms`
FROM `_rows` WHERE COALESCE(`at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 + 999 <= `_watermark`, FALSE) AND ((CAST(`paid` AS DECIMAL(18, 6)) * CAST(1.5 AS DECIMAL(2, 1))) > `items`)
UNION ALL
SELECT 'where_8' AS `rollup`, `_topic` AS `topic`, `_partition` AS `partition`, `_offset` AS `offset`,
  `at` AS `event_time`, `_watermark` AS `watermark`, `_watermark` - (`at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 + 999) AS `late_by_ms`
FROM `_rows` WHERE COALESCE(`at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 + 999 <= `_watermark`, FALSE) AND ((`score` >= CAST(0.1 AS DOUBLE)) AND (`score` <> CAST(3 AS DOUBLE)))
UNION ALL
SELECT 'where_9' AS `rollup`, `_topic` AS `topic`, `_partition` AS `partition`, `_offset` AS `offset`,
  `at` AS `event_time`, `_watermark` AS `watermark`, `_watermark` - (`at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 + 999) AS `late_by_ms`
FROM `_rows` WHERE COALESCE(`at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 + 999 <= `_watermark`, FALSE) AND ((NOT (`shop` IN ('sho1', 'sho2'))) AND (NOT (`paid` IS NULL)))
UNION ALL
SELECT 'sums' AS `rollup`, `_topic` AS `topic`, `_partition` AS `partition`, `_offset` AS `offset`,
  `at` AS `event_time`, `_watermark` AS `watermark`, `_watermark` - (`at` - MOD(MOD(`at`, 604800000) + 604800000, 604800000) + 604800000 + 999) AS `late_by_ms`
FROM `_rows` WHERE COALESCE(`at` - MOD(MOD(`at`, 604800000) + 604800000, 604800000) + 604800000 + 999 <= `_watermark`, FALSE)
UNION ALL
SELECT 'weeks' AS `rollup`, `_topic` AS `topic`, `_partition` AS `partition`, `_offset` AS `offset`,
  `at` AS `event_time`, `_watermark` AS `watermark`, `_watermark` - (`at` - MOD(MOD(`at`, 604800000) + 604800000, 604800000) + 604800000 + 999) AS `late_by_ms`
FROM `_rows` WHERE COALESCE(`at` - MOD(MOD(`at`, 604800000) + 604800000, 604800000) + 604800000 + 999 <= `_watermark`, FALSE)
UNION ALL
SELECT 'sevens' AS `rollup`, `_topic` AS `topic`, `_partition` AS `partition`, `_offset` AS `offset`,
  `at` AS `event_time`, `_watermark` AS `watermark`, `_watermark` - (`at` - MOD(MOD(`at`, 420000) + 420000, 420000) + 420000 + 999) AS `late_by_ms`
FROM `_rows` WHERE COALESCE(`at` - MOD(MOD(`at`, 420000) + 420000, 420000) + 420000 + 999 <= `_watermark`, FALSE);

CREATE OR REPLACE TEMPORARY VIEW `dead_letters` AS SELECT `_topic` AS `topic`, `_partition` AS `partition`, `_offset` AS `offset`,
  `_timestamp` AS `record_timestamp`, `_value` AS `value`, `_reason` AS `reason`, `_field` AS `field`
FROM `_read` WHERE `_reason` IS NOT NULL;
