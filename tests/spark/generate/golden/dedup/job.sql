-- Pipeline visits: made by `tidemill spark generate`; change the pipeline file, not this one.

CREATE OR REPLACE TEMPORARY VIEW `_records` AS SELECT
  topic AS `_topic`, partition AS `_partition`, offset AS `_offset`,
  CASE WHEN timestampType = -1 THEN CAST(NULL AS BIGINT) ELSE UNIX_MILLIS(timestamp) END AS `_timestamp`,
  value AS `_value`
FROM `_kafka`;

CREATE OR REPLACE TEMPORARY VIEW `_judged` AS SELECT *,
  strict_event('"id" str length 1 40, "at" time_ms range 0 4102444799999, "kind" str in ("see" "buy"), "shop" str, "items" int absent 1, "paid" money null absent null, "score" float null absent null', `_value`, '0,1,2,3,4,5') AS `_event`
FROM `_records`;

CREATE OR REPLACE TEMPORARY VIEW `_read` AS SELECT
  `_topic`, `_partition`, `_offset`, `_timestamp`,
  CASE WHEN (`_event`.`reason` IS NOT NULL) THEN `_value` END AS `_value`,
  CASE WHEN `_event`.`reason` IS NOT NULL THEN `_event`.`reason` END AS `_reason`,
  CASE WHEN `_event`.`reason` IS NOT NULL THEN `_event`.`field` END AS `_field`,
  `_event`.`id` AS `id`,
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

CREATE OR REPLACE TEMPORARY VIEW `_folded` AS SELECT `_topic`, `_partition`, `_id`,
  AGGREGATE(
    ARRAY_SORT(COLLECT_LIST(NAMED_STRUCT('at', `_offset`, 'time', `at`, 'watermark', `_watermark`))),
    NAMED_STRUCT('since', CAST(NULL AS BIGINT), 'firsts', CAST(ARRAY() AS ARRAY<BIGINT>)),
    (found, each) -> CASE WHEN found.since IS NULL OR each.watermark >= found.since + 20000 THEN NAMED_STRUCT('since', each.time, 'firsts', CONCAT(found.firsts, ARRAY(each.at))) ELSE found END) AS `_found`
FROM (SELECT *, `id` AS `_id` FROM `_marked` WHERE `id` IS NOT NULL) GROUP BY `_topic`, `_partition`, `_id`;

CREATE OR REPLACE TEMPORARY VIEW `_firsts` AS SELECT `_topic`, `_partition`, EXPLODE(`_found`.firsts) AS `_offset`
FROM `_folded`;

CREATE OR REPLACE TEMPORARY VIEW `_rows` AS
SELECT * FROM `_marked` WHERE `id` IS NULL
UNION ALL
SELECT `_marked`.* FROM `_marked` LEFT SEMI JOIN `_firsts` USING (`_topic`, `_partition`, `_offset`);

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

CREATE OR REPLACE TEMPORARY VIEW `late_events` AS
SELECT 'tumbled' AS `rollup`, `_topic` AS `topic`, `_partition` AS `partition`, `_offset` AS `offset`,
  `at` AS `event_time`, `_watermark` AS `watermark`, `_watermark` - (`at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 + 999) AS `late_by_ms`
FROM `_rows` WHERE COALESCE(`at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 + 999 <= `_watermark`, FALSE);

CREATE OR REPLACE TEMPORARY VIEW `dead_letters` AS SELECT `_topic` AS `topic`, `_partition` AS `partition`, `_offset` AS `offset`,
  `_timestamp` AS `record_timestamp`, `_value` AS `value`, `_reason` AS `reason`, `_field` AS `field`
FROM `_read` WHERE `_reason` IS NOT NULL;
