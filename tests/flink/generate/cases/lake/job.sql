-- Pipeline ads: made by `tidemill flink generate`; change the pipeline file, not this one.

SET 'pipeline.name' = 'tidemill-ads';

SET 'execution.runtime-mode' = 'streaming';

SET 'table.local-time-zone' = 'UTC';

SET 'pipeline.object-reuse' = 'true';

SET 'parallelism.default' = '1';

SET 'table.exec.state.ttl' = '0 ms';

SET 'execution.checkpointing.mode' = 'EXACTLY_ONCE';

SET 'execution.checkpointing.interval' = '10000 ms';

SET 'table.exec.mini-batch.enabled' = 'true';

SET 'table.exec.mini-batch.allow-latency' = '1 s';

SET 'table.exec.mini-batch.size' = '50000';

CREATE TEMPORARY FUNCTION `strict_event` AS 'tidemill.contract.StrictEvent';

CREATE TEMPORARY FUNCTION `first_seen` AS 'tidemill.contract.FirstSeen';

CREATE TEMPORARY FUNCTION `row_checksum` AS 'tidemill.contract.RowChecksum';

CREATE TEMPORARY TABLE `_records` (
  `topic` STRING METADATA VIRTUAL,
  `partition` INT METADATA VIRTUAL,
  `offset` BIGINT METADATA VIRTUAL,
  `_timestamp` TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL,
  `_timestamp_type` STRING METADATA FROM 'timestamp-type' VIRTUAL,
  `_value` BYTES,
  `_now` AS PROCTIME()
) WITH (
  'connector' = 'kafka',
  'topic' = 'ad-events',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.group.id' = 'tidemill-flink',
  'properties.isolation.level' = 'read_committed',
  'format' = 'raw',
  'scan.startup.mode' = 'specific-offsets',
  'scan.startup.specific-offsets' = 'partition:0,offset:0;partition:1,offset:5'
);

CREATE TEMPORARY VIEW `_judged` AS SELECT `topic`, `partition`, `offset`, `_value`, `_now`,
  CASE WHEN `_timestamp_type` = 'NoTimestampType' THEN CAST(NULL AS BIGINT) ELSE EXTRACT(EPOCH FROM CAST(`_timestamp` AS TIMESTAMP(3))) * 1000 + MOD(EXTRACT(MILLISECOND FROM CAST(`_timestamp` AS TIMESTAMP(3))), 1000) END AS `record_timestamp`,
  strict_event('"event_id" str length 1 64, "event_time" time_ms, "event_type" str in ("impression" "click" "conversion"), "ad_id" str length 1 64, "user_id" str null absent null, "cost" money absent 0, "items" int absent 1', `_value`) AS `_event`
FROM `_records`;

CREATE TEMPORARY VIEW `_read` AS SELECT `topic`, `partition`, `offset`, `record_timestamp`, `_value`, `_now`, `_event`,
  `_event`.`reason` AS `reason`,
  `_event`.`field` AS `field`
FROM `_judged`;

CREATE TEMPORARY VIEW `_events` AS SELECT `topic`, `partition`, `offset`, `_now`, `record_timestamp`,
  `_event`.`event_id` AS `event_id`,
  `_event`.`event_time` AS `event_time`,
  `_event`.`event_type` AS `event_type`,
  `_event`.`ad_id` AS `ad_id`,
  `_event`.`user_id` AS `user_id`,
  `_event`.`cost` AS `cost`,
  `_event`.`items` AS `items`
FROM `_read` WHERE `reason` IS NULL;

CREATE TEMPORARY VIEW `_marked` AS SELECT *,
  GREATEST(MAX(`event_time`) OVER (
    PARTITION BY `topic`, `partition` ORDER BY `_now`
    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
  ) - 5000, CASE `partition` WHEN 0 THEN CAST(1790000000000 AS BIGINT) ELSE CAST(-9223372036854775807 AS BIGINT) END) AS `_watermark`,
  first_seen(`event_id`, `event_time`, CAST(605000 AS BIGINT)) OVER (
    PARTITION BY `topic`, `partition` ORDER BY `_now`
    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
  ) AS `_is_first`
FROM `_events`;

CREATE TEMPORARY VIEW `_rows` AS SELECT *
FROM `_marked` WHERE `_is_first` AND `offset` >= CASE `partition` WHEN 0 THEN CAST(1200 AS BIGINT) WHEN 1 THEN CAST(5 AS BIGINT) ELSE CAST(0 AS BIGINT) END;

CREATE TEMPORARY TABLE `ad_clicks_1m_delta` (
  `ad_id` STRING,
  `window_start` BIGINT,
  `window_end` BIGINT,
  `clicks` BIGINT,
  `spend` DECIMAL(38, 6),
  `row_count` BIGINT,
  `late_count` BIGINT
) WITH (
  'connector' = 'kafka',
  'topic' = 'ads-flink-1.ad_clicks_1m_delta',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.transaction.timeout.ms' = '900000',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'ads-flink-1.ad_clicks_1m_delta',
  'format' = 'debezium-json',
  'sink.partitioner' = 'fixed',
  'debezium-json.encode.decimal-as-plain-number' = 'true'
);

CREATE TEMPORARY TABLE `ad_clicks_1m_users_distinct` (
  `ad_id` STRING,
  `window_start` BIGINT,
  `window_end` BIGINT,
  `value` STRING
) WITH (
  'connector' = 'kafka',
  'topic' = 'ads-flink-1.ad_clicks_1m_users_distinct',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.transaction.timeout.ms' = '900000',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'ads-flink-1.ad_clicks_1m_users_distinct',
  'format' = 'debezium-json',
  'sink.partitioner' = 'fixed',
  'debezium-json.encode.decimal-as-plain-number' = 'true'
);

CREATE TEMPORARY TABLE `users_5m_delta` (
  `user_id` STRING,
  `window_start` BIGINT,
  `window_end` BIGINT,
  `cost_sum` DECIMAL(38, 6),
  `cost_count` BIGINT,
  `least` BIGINT,
  `most` STRING,
  `row_count` BIGINT,
  `late_count` BIGINT
) WITH (
  'connector' = 'kafka',
  'topic' = 'ads-flink-1.users_5m_delta',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.transaction.timeout.ms' = '900000',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'ads-flink-1.users_5m_delta',
  'format' = 'debezium-json',
  'sink.partitioner' = 'fixed',
  'debezium-json.encode.decimal-as-plain-number' = 'true'
);

CREATE TEMPORARY TABLE `users_5m_ads_values` (
  `user_id` STRING,
  `window_start` BIGINT,
  `window_end` BIGINT,
  `value` STRING
) WITH (
  'connector' = 'kafka',
  'topic' = 'ads-flink-1.users_5m_ads_values',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.transaction.timeout.ms' = '900000',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'ads-flink-1.users_5m_ads_values',
  'format' = 'debezium-json',
  'sink.partitioner' = 'fixed',
  'debezium-json.encode.decimal-as-plain-number' = 'true'
);

CREATE TEMPORARY TABLE `users_5m_half_values` (
  `user_id` STRING,
  `window_start` BIGINT,
  `window_end` BIGINT,
  `value` BIGINT,
  `value_count` BIGINT
) WITH (
  'connector' = 'kafka',
  'topic' = 'ads-flink-1.users_5m_half_values',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.transaction.timeout.ms' = '900000',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'ads-flink-1.users_5m_half_values',
  'format' = 'debezium-json',
  'sink.partitioner' = 'fixed',
  'debezium-json.encode.decimal-as-plain-number' = 'true'
);

CREATE TEMPORARY TABLE `day_delta` (
  `window_start` BIGINT,
  `window_end` BIGINT,
  `paid` BIGINT,
  `row_count` BIGINT,
  `late_count` BIGINT
) WITH (
  'connector' = 'kafka',
  'topic' = 'ads-flink-1.day_delta',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.transaction.timeout.ms' = '900000',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'ads-flink-1.day_delta',
  'format' = 'debezium-json',
  'sink.partitioner' = 'fixed',
  'debezium-json.encode.decimal-as-plain-number' = 'true'
);

CREATE TEMPORARY TABLE `ledger` (
  `topic` STRING,
  `partition` INT,
  `first_offset` BIGINT,
  `next_offset` BIGINT,
  `read` BIGINT,
  `accepted` BIGINT,
  `duplicate` BIGINT,
  `late` BIGINT,
  `dead` BIGINT,
  `checksum` BIGINT,
  `max_event_time` BIGINT,
  `ad_clicks_1m_filtered` BIGINT,
  `ad_clicks_1m_counted` BIGINT,
  `ad_clicks_1m_late` BIGINT,
  `users_5m_filtered` BIGINT,
  `users_5m_counted` BIGINT,
  `users_5m_late` BIGINT,
  `day_filtered` BIGINT,
  `day_counted` BIGINT,
  `day_late` BIGINT
) WITH (
  'connector' = 'kafka',
  'topic' = 'ads-flink-1.ledger',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.transaction.timeout.ms' = '900000',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'ads-flink-1.ledger',
  'format' = 'debezium-json',
  'sink.partitioner' = 'fixed',
  'debezium-json.encode.decimal-as-plain-number' = 'true'
);

CREATE TEMPORARY TABLE `events` (
  `topic` STRING,
  `partition` INT,
  `offset` BIGINT,
  `record_timestamp` BIGINT,
  `event_id` STRING,
  `event_time` BIGINT,
  `event_type` STRING,
  `ad_id` STRING,
  `user_id` STRING,
  `cost` DECIMAL(18, 6),
  `items` BIGINT
) WITH (
  'connector' = 'kafka',
  'topic' = 'ads-flink-1.events',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.transaction.timeout.ms' = '900000',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'ads-flink-1.events',
  'format' = 'json',
  'json.encode.decimal-as-plain-number' = 'true'
);

CREATE TEMPORARY TABLE `late_events` (
  `rollup` STRING,
  `topic` STRING,
  `partition` INT,
  `offset` BIGINT,
  `event_time` BIGINT,
  `watermark` BIGINT,
  `late_by_ms` BIGINT
) WITH (
  'connector' = 'kafka',
  'topic' = 'ads-flink-1.late_events',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.transaction.timeout.ms' = '900000',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'ads-flink-1.late_events',
  'format' = 'json',
  'json.encode.decimal-as-plain-number' = 'true'
);

CREATE TEMPORARY TABLE `dead_letters` (
  `topic` STRING,
  `partition` INT,
  `offset` BIGINT,
  `record_timestamp` BIGINT,
  `value` BYTES,
  `reason` STRING,
  `field` STRING
) WITH (
  'connector' = 'kafka',
  'topic' = 'ads-flink-1.dead_letters',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.transaction.timeout.ms' = '900000',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'ads-flink-1.dead_letters',
  'format' = 'json',
  'json.encode.decimal-as-plain-number' = 'true'
);

CREATE TEMPORARY VIEW `_windows_ad_clicks_1m` AS SELECT
  `event_time` - MOD(MOD(`event_time`, 60000) + 60000, 60000) AS `window_start`,
  `event_time` - MOD(MOD(`event_time`, 60000) + 60000, 60000) + 60000 AS `window_end`,
  `event_type`,
  `ad_id`,
  `user_id`,
  `cost`
FROM `_rows` WHERE (`event_type` = 'click') AND (`event_time` - MOD(MOD(`event_time`, 60000) + 60000, 60000) + 60000 - 1 > `_watermark`);

CREATE TEMPORARY VIEW `_late_ad_clicks_1m` AS SELECT
  `event_time` - MOD(MOD(`event_time`, 60000) + 60000, 60000) AS `window_start`,
  `event_time` - MOD(MOD(`event_time`, 60000) + 60000, 60000) + 60000 AS `window_end`,
  `event_type`,
  `ad_id`,
  `user_id`,
  `cost`
FROM `_rows` WHERE (`event_type` = 'click') AND (`event_time` - MOD(MOD(`event_time`, 60000) + 60000, 60000) + 60000 - 1 <= `_watermark`);

CREATE TEMPORARY VIEW `_windows_users_5m` AS SELECT
  `_in_window` - MOD(MOD(`_in_window`, 60000) + 60000, 60000) AS `window_start`,
  `_in_window` - MOD(MOD(`_in_window`, 60000) + 60000, 60000) + 300000 AS `window_end`,
  `ad_id`,
  `user_id`,
  `cost`,
  `items`
FROM `_rows` CROSS JOIN UNNEST(ARRAY[`event_time`, `event_time` - 60000, `event_time` - 120000, `event_time` - 180000, `event_time` - 240000]) AS `_windows` (`_in_window`) WHERE (`_in_window` - MOD(MOD(`_in_window`, 60000) + 60000, 60000) + 300000 + 59999 > `_watermark`);

CREATE TEMPORARY VIEW `_late_users_5m` AS SELECT
  `_in_window` - MOD(MOD(`_in_window`, 60000) + 60000, 60000) AS `window_start`,
  `_in_window` - MOD(MOD(`_in_window`, 60000) + 60000, 60000) + 300000 AS `window_end`,
  `ad_id`,
  `user_id`,
  `cost`,
  `items`
FROM `_rows` CROSS JOIN UNNEST(ARRAY[`event_time`, `event_time` - 60000, `event_time` - 120000, `event_time` - 180000, `event_time` - 240000]) AS `_windows` (`_in_window`) WHERE (`_in_window` - MOD(MOD(`_in_window`, 60000) + 60000, 60000) + 300000 + 59999 <= `_watermark`);

CREATE TEMPORARY VIEW `_windows_day` AS SELECT
  `event_time` - MOD(MOD(`event_time`, 3600000) + 3600000, 3600000) AS `window_start`,
  `_in_window` - MOD(MOD(`_in_window`, 900000) + 900000, 900000) + 900000 AS `window_end`,
  `cost`
FROM `_rows` CROSS JOIN UNNEST(ARRAY[`event_time`, `event_time` + 900000, `event_time` + 1800000, `event_time` + 2700000]) AS `_windows` (`_in_window`) WHERE (`_in_window` - MOD(MOD(`_in_window`, 900000) + 900000, 900000) + 900000 <= `event_time` - MOD(MOD(`event_time`, 3600000) + 3600000, 3600000) + 3600000) AND (`_in_window` - MOD(MOD(`_in_window`, 900000) + 900000, 900000) + 900000 - 1 > `_watermark`);

CREATE TEMPORARY VIEW `_late_day` AS SELECT
  `event_time` - MOD(MOD(`event_time`, 3600000) + 3600000, 3600000) AS `window_start`,
  `_in_window` - MOD(MOD(`_in_window`, 900000) + 900000, 900000) + 900000 AS `window_end`,
  `cost`
FROM `_rows` CROSS JOIN UNNEST(ARRAY[`event_time`, `event_time` + 900000, `event_time` + 1800000, `event_time` + 2700000]) AS `_windows` (`_in_window`) WHERE (`_in_window` - MOD(MOD(`_in_window`, 900000) + 900000, 900000) + 900000 <= `event_time` - MOD(MOD(`event_time`, 3600000) + 3600000, 3600000) + 3600000) AND (`_in_window` - MOD(MOD(`_in_window`, 900000) + 900000, 900000) + 900000 - 1 <= `_watermark`);

CREATE TEMPORARY VIEW `_classed` AS SELECT *,
  CASE WHEN `event_type` = 'click' THEN CASE WHEN `event_time` - MOD(MOD(`event_time`, 60000) + 60000, 60000) + 60000 - 1 <= `_watermark` THEN 2 ELSE 1 END ELSE 0 END AS `_class_ad_clicks_1m`,
  CASE WHEN `event_time` - MOD(MOD(`event_time`, 60000) + 60000, 60000) + 300000 + 59999 <= `_watermark` THEN 2 ELSE 1 END AS `_class_users_5m`,
  CASE WHEN `event_time` - MOD(MOD(`event_time`, 3600000) + 3600000, 3600000) + 3600000 - 1 <= `_watermark` THEN 2 ELSE 1 END AS `_class_day`
FROM `_rows`;

CREATE TEMPORARY VIEW `_counted` AS SELECT `topic`, `partition`, `offset`, `event_time` AS `event_time`,
  CASE WHEN (`_class_ad_clicks_1m` = 2 OR `_class_users_5m` = 2 OR `_class_day` = 2) AND `_class_ad_clicks_1m` <> 1 AND `_class_users_5m` <> 1 AND `_class_day` <> 1 THEN CAST(0 AS BIGINT) ELSE CAST(1 AS BIGINT) END AS `accepted`,
  CAST(0 AS BIGINT) AS `duplicate`,
  CASE WHEN (`_class_ad_clicks_1m` = 2 OR `_class_users_5m` = 2 OR `_class_day` = 2) AND `_class_ad_clicks_1m` <> 1 AND `_class_users_5m` <> 1 AND `_class_day` <> 1 THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS `late`,
  CAST(0 AS BIGINT) AS `dead`,
  CASE WHEN (`_class_ad_clicks_1m` = 2 OR `_class_users_5m` = 2 OR `_class_day` = 2) AND `_class_ad_clicks_1m` <> 1 AND `_class_users_5m` <> 1 AND `_class_day` <> 1 THEN CAST(0 AS BIGINT) ELSE row_checksum(`topic`, `partition`, `offset`, `event_time`) END AS `checksum`,
  CASE `_class_ad_clicks_1m` WHEN 0 THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS `ad_clicks_1m_filtered`,
  CASE `_class_ad_clicks_1m` WHEN 1 THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS `ad_clicks_1m_counted`,
  CASE `_class_ad_clicks_1m` WHEN 2 THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS `ad_clicks_1m_late`,
  CASE `_class_users_5m` WHEN 0 THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS `users_5m_filtered`,
  CASE `_class_users_5m` WHEN 1 THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS `users_5m_counted`,
  CASE `_class_users_5m` WHEN 2 THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS `users_5m_late`,
  CASE `_class_day` WHEN 0 THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS `day_filtered`,
  CASE `_class_day` WHEN 1 THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS `day_counted`,
  CASE `_class_day` WHEN 2 THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS `day_late`
FROM `_classed`
UNION ALL
SELECT `topic`, `partition`, `offset`, CAST(NULL AS BIGINT) AS `event_time`,
  CAST(0 AS BIGINT) AS `accepted`,
  CAST(0 AS BIGINT) AS `duplicate`,
  CAST(0 AS BIGINT) AS `late`,
  CAST(1 AS BIGINT) AS `dead`,
  CAST(0 AS BIGINT) AS `checksum`,
  CAST(0 AS BIGINT) AS `ad_clicks_1m_filtered`,
  CAST(0 AS BIGINT) AS `ad_clicks_1m_counted`,
  CAST(0 AS BIGINT) AS `ad_clicks_1m_late`,
  CAST(0 AS BIGINT) AS `users_5m_filtered`,
  CAST(0 AS BIGINT) AS `users_5m_counted`,
  CAST(0 AS BIGINT) AS `users_5m_late`,
  CAST(0 AS BIGINT) AS `day_filtered`,
  CAST(0 AS BIGINT) AS `day_counted`,
  CAST(0 AS BIGINT) AS `day_late`
FROM `_read` WHERE `reason` IS NOT NULL AND `offset` >= CASE `partition` WHEN 0 THEN CAST(1200 AS BIGINT) WHEN 1 THEN CAST(5 AS BIGINT) ELSE CAST(0 AS BIGINT) END
UNION ALL
SELECT `topic`, `partition`, `offset`, `event_time` AS `event_time`,
  CAST(0 AS BIGINT) AS `accepted`,
  CAST(1 AS BIGINT) AS `duplicate`,
  CAST(0 AS BIGINT) AS `late`,
  CAST(0 AS BIGINT) AS `dead`,
  CAST(0 AS BIGINT) AS `checksum`,
  CAST(0 AS BIGINT) AS `ad_clicks_1m_filtered`,
  CAST(0 AS BIGINT) AS `ad_clicks_1m_counted`,
  CAST(0 AS BIGINT) AS `ad_clicks_1m_late`,
  CAST(0 AS BIGINT) AS `users_5m_filtered`,
  CAST(0 AS BIGINT) AS `users_5m_counted`,
  CAST(0 AS BIGINT) AS `users_5m_late`,
  CAST(0 AS BIGINT) AS `day_filtered`,
  CAST(0 AS BIGINT) AS `day_counted`,
  CAST(0 AS BIGINT) AS `day_late`
FROM `_marked` WHERE NOT `_is_first` AND `offset` >= CASE `partition` WHEN 0 THEN CAST(1200 AS BIGINT) WHEN 1 THEN CAST(5 AS BIGINT) ELSE CAST(0 AS BIGINT) END;

EXECUTE STATEMENT SET BEGIN
INSERT INTO `ad_clicks_1m_delta`
SELECT /*+ STATE_TTL('ad_clicks_1m' = '172865000 ms') */
  `ad_id`,
  `window_start`,
  `window_end`,
  COUNT(*) AS `clicks`,
  SUM(`cost`) AS `spend`,
  COUNT(*) AS `row_count`,
  CAST(0 AS BIGINT) AS `late_count`
FROM `_windows_ad_clicks_1m` AS `ad_clicks_1m`
GROUP BY `window_start`, `window_end`, `ad_id`
UNION ALL
SELECT
  `ad_id`,
  `window_start`,
  `window_end`,
  CAST(0 AS BIGINT),
  CAST(NULL AS DECIMAL(38, 6)),
  CAST(0 AS BIGINT),
  CAST(1 AS BIGINT)
FROM `_late_ad_clicks_1m`;
INSERT INTO `ad_clicks_1m_users_distinct` SELECT /*+ STATE_TTL('ad_clicks_1m_users' = '172865000 ms') */
  `ad_id`, `window_start`, `window_end`, `user_id`
FROM `_windows_ad_clicks_1m` AS `ad_clicks_1m_users` WHERE `user_id` IS NOT NULL
GROUP BY `ad_id`, `window_start`, `window_end`, `user_id`;
INSERT INTO `users_5m_delta`
SELECT /*+ STATE_TTL('users_5m' = '173165000 ms') */
  `user_id`,
  `window_start`,
  `window_end`,
  SUM(`cost`) AS `cost_sum`,
  COUNT(`cost`) AS `cost_count`,
  MIN(`items`) AS `least`,
  MAX(`ad_id`) AS `most`,
  COUNT(*) AS `row_count`,
  CAST(0 AS BIGINT) AS `late_count`
FROM `_windows_users_5m` AS `users_5m`
GROUP BY `window_start`, `window_end`, `user_id`
UNION ALL
SELECT
  `user_id`,
  `window_start`,
  `window_end`,
  CAST(NULL AS DECIMAL(38, 6)),
  CAST(0 AS BIGINT),
  CAST(NULL AS BIGINT),
  CAST(NULL AS STRING),
  CAST(0 AS BIGINT),
  CAST(1 AS BIGINT)
FROM `_late_users_5m`;
INSERT INTO `users_5m_ads_values` SELECT /*+ STATE_TTL('users_5m_ads' = '173165000 ms') */
  `user_id`, `window_start`, `window_end`, `ad_id`
FROM `_windows_users_5m` AS `users_5m_ads` WHERE `ad_id` IS NOT NULL
GROUP BY `user_id`, `window_start`, `window_end`, `ad_id`;
INSERT INTO `users_5m_half_values` SELECT /*+ STATE_TTL('users_5m_half' = '173165000 ms') */
  `user_id`, `window_start`, `window_end`, `items`, COUNT(*)
FROM `_windows_users_5m` AS `users_5m_half` WHERE `items` IS NOT NULL
GROUP BY `user_id`, `window_start`, `window_end`, `items`;
INSERT INTO `day_delta`
SELECT /*+ STATE_TTL('day' = '176405000 ms') */
  `window_start`,
  `window_end`,
  COUNT(*) FILTER (WHERE `cost` > 0) AS `paid`,
  COUNT(*) AS `row_count`,
  CAST(0 AS BIGINT) AS `late_count`
FROM `_windows_day` AS `day`
GROUP BY `window_start`, `window_end`
UNION ALL
SELECT
  `window_start`,
  `window_end`,
  CAST(0 AS BIGINT),
  CAST(0 AS BIGINT),
  CAST(1 AS BIGINT)
FROM `_late_day`;
INSERT INTO `ledger` SELECT
  `topic`,
  `partition`,
  MIN(`offset`) AS `first_offset`,
  MAX(`offset`) + 1 AS `next_offset`,
  COUNT(*) AS `read`,
  SUM(`accepted`) AS `accepted`,
  SUM(`duplicate`) AS `duplicate`,
  SUM(`late`) AS `late`,
  SUM(`dead`) AS `dead`,
  SUM(`checksum`) AS `checksum`,
  MAX(`event_time`) AS `max_event_time`,
  SUM(`ad_clicks_1m_filtered`) AS `ad_clicks_1m_filtered`,
  SUM(`ad_clicks_1m_counted`) AS `ad_clicks_1m_counted`,
  SUM(`ad_clicks_1m_late`) AS `ad_clicks_1m_late`,
  SUM(`users_5m_filtered`) AS `users_5m_filtered`,
  SUM(`users_5m_counted`) AS `users_5m_counted`,
  SUM(`users_5m_late`) AS `users_5m_late`,
  SUM(`day_filtered`) AS `day_filtered`,
  SUM(`day_counted`) AS `day_counted`,
  SUM(`day_late`) AS `day_late`
FROM `_counted` GROUP BY `topic`, `partition`;
INSERT INTO `events` SELECT
  `topic`,
  `partition`,
  `offset`,
  `record_timestamp`,
  `event_id`,
  `event_time`,
  `event_type`,
  `ad_id`,
  `user_id`,
  `cost`,
  `items`
FROM `_classed` WHERE NOT ((`_class_ad_clicks_1m` = 2 OR `_class_users_5m` = 2 OR `_class_day` = 2) AND `_class_ad_clicks_1m` <> 1 AND `_class_users_5m` <> 1 AND `_class_day` <> 1);
INSERT INTO `late_events`
SELECT CAST('ad_clicks_1m' AS STRING) AS `rollup`, `topic`, `partition`, `offset`,
  `event_time` AS `event_time`, `_watermark` AS `watermark`, `_watermark` - (`event_time` - MOD(MOD(`event_time`, 60000) + 60000, 60000) + 60000 - 1) AS `late_by_ms`
FROM `_rows` WHERE (`event_type` = 'click') AND (`event_time` - MOD(MOD(`event_time`, 60000) + 60000, 60000) + 60000 - 1 <= `_watermark`)
UNION ALL
SELECT CAST('users_5m' AS STRING) AS `rollup`, `topic`, `partition`, `offset`,
  `event_time` AS `event_time`, `_watermark` AS `watermark`, `_watermark` - (`event_time` - MOD(MOD(`event_time`, 60000) + 60000, 60000) + 300000 + 59999) AS `late_by_ms`
FROM `_rows` WHERE (`event_time` - MOD(MOD(`event_time`, 60000) + 60000, 60000) + 300000 + 59999 <= `_watermark`)
UNION ALL
SELECT CAST('day' AS STRING) AS `rollup`, `topic`, `partition`, `offset`,
  `event_time` AS `event_time`, `_watermark` AS `watermark`, `_watermark` - (`event_time` - MOD(MOD(`event_time`, 3600000) + 3600000, 3600000) + 3600000 - 1) AS `late_by_ms`
FROM `_rows` WHERE (`event_time` - MOD(MOD(`event_time`, 3600000) + 3600000, 3600000) + 3600000 - 1 <= `_watermark`);
INSERT INTO `dead_letters` SELECT
  `topic`, `partition`, `offset`, `record_timestamp`, `_value` AS `value`, `reason`, `field`
FROM `_read` WHERE `reason` IS NOT NULL AND `offset` >= CASE `partition` WHEN 0 THEN CAST(1200 AS BIGINT) WHEN 1 THEN CAST(5 AS BIGINT) ELSE CAST(0 AS BIGINT) END;
END;
