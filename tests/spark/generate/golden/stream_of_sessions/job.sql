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
  CASE WHEN (`_event`.`reason` IS NOT NULL) THEN `_value` END AS `_value`,
  CASE WHEN `_event`.`reason` IS NOT NULL THEN `_event`.`reason` END AS `_reason`,
  CASE WHEN `_event`.`reason` IS NOT NULL THEN `_event`.`field` END AS `_field`,
  `_event`.`at` AS `at`,
  `_event`.`kind` AS `kind`,
  `_event`.`shop` AS `shop`,
  `_event`.`items` AS `items`,
  `_event`.`paid` AS `paid`
FROM `_judged`;

CACHE LAZY TABLE `_read`;

CREATE OR REPLACE TEMPORARY VIEW `_marked` AS SELECT *,
  GREATEST(`_newest`, MAX(`at`) OVER (PARTITION BY `_topic`, `_partition` ORDER BY `_offset` ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)) - 2000 AS `_watermark`
FROM `_read` LEFT JOIN `_newest` USING (`_topic`, `_partition`) WHERE `_reason` IS NULL;

CREATE OR REPLACE TEMPORARY VIEW `_rows` AS SELECT * FROM `_marked`;

CACHE LAZY TABLE `_rows`;

CREATE OR REPLACE TEMPORARY VIEW `of_shop` AS SELECT
  `shop`,
  MIN(`_start`) AS `window_start`,
  MAX(`_end`) AS `window_end`,
  COUNT(*) AS `n`,
  COUNT(*) FILTER (WHERE `kind` = 'buy') AS `buys`,
  SUM(`paid`) AS `paid`,
  SUM(CAST(`items` AS DECIMAL(38, 0))) AS `items`,
  MIN(`paid`) AS `least`,
  MAX(`shop`) AS `last`,
  SUM(CAST(`items` AS DECIMAL(38, 0))) AS `mean_items_sum`,
  COUNT(`items`) AS `mean_items_count`,
  SUM(`paid`) AS `mean_paid_sum`,
  COUNT(`paid`) AS `mean_paid_count`,
  COLLECT_SET(`shop`) AS `shops`
FROM (
  SELECT *, SUM(`_apart`) OVER (PARTITION BY `shop` ORDER BY `_start`, `_end` ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS `_session` FROM (SELECT *, CASE WHEN `_start` <= MAX(`_end`) OVER (PARTITION BY `shop` ORDER BY `_start`, `_end` ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) THEN 0 ELSE 1 END AS `_apart` FROM (
  SELECT *,
    `at` AS `_start`,
    `at` + 3000 AS `_end`
  FROM `_rows` WHERE NOT COALESCE(`at` + 3000 + 999 <= `_watermark`, FALSE)
  ))
) GROUP BY `shop`, `_session`;

CREATE OR REPLACE TEMPORARY VIEW `of_all` AS SELECT
  MIN(`_start`) AS `window_start`,
  MAX(`_end`) AS `window_end`,
  COUNT(*) AS `n`,
  COUNT(*) FILTER (WHERE `kind` = 'buy') AS `buys`,
  SUM(`paid`) AS `paid`,
  SUM(CAST(`items` AS DECIMAL(38, 0))) AS `items`,
  MIN(`paid`) AS `least`,
  MAX(`shop`) AS `last`,
  SUM(CAST(`items` AS DECIMAL(38, 0))) AS `mean_items_sum`,
  COUNT(`items`) AS `mean_items_count`,
  SUM(`paid`) AS `mean_paid_sum`,
  COUNT(`paid`) AS `mean_paid_count`,
  COLLECT_SET(`shop`) AS `shops`
FROM (
  SELECT *, SUM(`_apart`) OVER (ORDER BY `_start`, `_end` ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS `_session` FROM (SELECT *, CASE WHEN `_start` <= MAX(`_end`) OVER (ORDER BY `_start`, `_end` ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) THEN 0 ELSE 1 END AS `_apart` FROM (
  SELECT *,
    `at` AS `_start`,
    `at` + 300 AS `_end`
  FROM `_rows` WHERE NOT COALESCE(`at` + 300 + 999 <= `_watermark`, FALSE) AND (`kind` = 'buy')
  ))
) GROUP BY `_session`;

CREATE OR REPLACE TEMPORARY VIEW `late_events` AS
SELECT 'of_shop' AS `rollup`, `_topic` AS `topic`, `_partition` AS `partition`, `_offset` AS `offset`,
  `at` AS `event_time`, `_watermark` AS `watermark`, `_watermark` - (`at` + 3000 + 999) AS `late_by_ms`
FROM `_rows` WHERE COALESCE(`at` + 3000 + 999 <= `_watermark`, FALSE)
UNION ALL
SELECT 'of_all' AS `rollup`, `_topic` AS `topic`, `_partition` AS `partition`, `_offset` AS `offset`,
  `at` AS `event_time`, `_watermark` AS `watermark`, `_watermark` - (`at` + 300 + 999) AS `late_by_ms`
FROM `_rows` WHERE COALESCE(`at` + 300 + 999 <= `_watermark`, FALSE) AND (`kind` = 'buy');

CREATE OR REPLACE TEMPORARY VIEW `dead_letters` AS SELECT `_topic` AS `topic`, `_partition` AS `partition`, `_offset` AS `offset`,
  `_timestamp` AS `record_timestamp`, `_value` AS `value`, `_reason` AS `reason`, `_field` AS `field`
FROM `_read` WHERE `_reason` IS NOT NULL;

CREATE OR REPLACE TEMPORARY VIEW `_next_newest` AS
SELECT `_topic`, `_partition`, MAX(`_time`) AS `_newest` FROM (
  SELECT `_topic`, `_partition`, `_newest` AS `_time` FROM `_newest`
  UNION ALL
  SELECT `_topic`, `_partition`, `at` FROM `_read` WHERE `_reason` IS NULL
) GROUP BY `_topic`, `_partition`;
