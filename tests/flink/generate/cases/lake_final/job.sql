-- Pipeline ads: made by `tidemill flink generate`; change the pipeline file, not this one.

SET 'pipeline.name' = 'tidemill-ads';

SET 'execution.runtime-mode' = 'streaming';

SET 'table.local-time-zone' = 'UTC';

SET 'pipeline.object-reuse' = 'true';

SET 'parallelism.default' = '1';

SET 'table.exec.state.ttl' = '0 ms';

SET 'execution.checkpointing.mode' = 'EXACTLY_ONCE';

SET 'execution.checkpointing.interval' = '10000 ms';

SET 'table.exec.source.idle-timeout' = '0 ms';

CREATE TEMPORARY FUNCTION `strict_event` AS 'tidemill.contract.StrictEvent';

CREATE TEMPORARY FUNCTION `row_checksum` AS 'tidemill.contract.RowChecksum';

CREATE TEMPORARY TABLE `_records` (
  `topic` STRING METADATA VIRTUAL,
  `partition` INT METADATA VIRTUAL,
  `offset` BIGINT METADATA VIRTUAL,
  `_timestamp` TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL,
  `_timestamp_type` STRING METADATA FROM 'timestamp-type' VIRTUAL,
  `_value` BYTES,
  `_now` AS PROCTIME(),
  `_ts` AS TO_TIMESTAMP_LTZ(COALESCE(strict_event('max_future 300000, "event_id" str length 1 64, "event_time" time_ms range 0 4102444799999, "event_type" str in ("impression" "click" "conversion"), "ad_id" str length 1 64, "user_id" str null absent null, "cost" money absent 0, "items" int absent 1, "weight" float absent #1.0', `_value`, CASE WHEN `_timestamp_type` = 'NoTimestampType' THEN CAST(NULL AS BIGINT) ELSE EXTRACT(EPOCH FROM CAST(`_timestamp` AS TIMESTAMP(3))) * 1000 + MOD(EXTRACT(MILLISECOND FROM CAST(`_timestamp` AS TIMESTAMP(3))), 1000) END).`event_time`, CAST(0 AS BIGINT)), 3),
  WATERMARK FOR `_ts` AS `_ts` - INTERVAL '0 00:20:05.000' DAY(3) TO SECOND(3)
) WITH (
  'connector' = 'kafka',
  'topic' = 'ad-events',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.group.id' = 'tidemill-flink',
  'properties.isolation.level' = 'read_committed',
  'format' = 'raw',
  'scan.startup.mode' = 'specific-offsets',
  'scan.startup.specific-offsets' = 'partition:0,offset:1200',
  'scan.watermark.emit.strategy' = 'on-event'
);

CREATE TEMPORARY VIEW `_judged` AS SELECT `topic`, `partition`, `offset`, `_value`, `_now`, `_ts`,
  CASE WHEN `_timestamp_type` = 'NoTimestampType' THEN CAST(NULL AS BIGINT) ELSE EXTRACT(EPOCH FROM CAST(`_timestamp` AS TIMESTAMP(3))) * 1000 + MOD(EXTRACT(MILLISECOND FROM CAST(`_timestamp` AS TIMESTAMP(3))), 1000) END AS `record_timestamp`,
  strict_event('"event_id" str length 1 64, "event_time" time_ms range 0 4102444799999, "event_type" str in ("impression" "click" "conversion"), "ad_id" str length 1 64, "user_id" str null absent null, "cost" money absent 0, "items" int absent 1, "weight" float absent #1.0', `_value`) AS `_event`
FROM `_records`;

CREATE TEMPORARY VIEW `_read` AS SELECT `topic`, `partition`, `offset`, `record_timestamp`, `_value`, `_now`, `_ts`, `_event`,
  CASE
    WHEN `_event`.`reason` IS NOT NULL THEN CAST(`_event`.`reason` AS STRING)
    WHEN `_event`.`event_time` - 300000 > `record_timestamp` THEN CAST('future_event' AS STRING) END AS `reason`,
  CASE
    WHEN `_event`.`reason` IS NOT NULL THEN CAST(`_event`.`field` AS STRING)
    WHEN `_event`.`event_time` - 300000 > `record_timestamp` THEN CAST('event_time' AS STRING) END AS `field`
FROM `_judged`;

CREATE TEMPORARY VIEW `_events` AS SELECT `topic`, `partition`, `offset`, `_now`, `_ts`,
  `_event`.`event_time` AS `event_time`,
  `_event`.`event_type` AS `event_type`,
  `_event`.`ad_id` AS `ad_id`,
  `_event`.`user_id` AS `user_id`,
  `_event`.`cost` AS `cost`
FROM `_read` WHERE `reason` IS NULL;

CREATE TEMPORARY VIEW `_marked` AS SELECT *,
  GREATEST(MAX(`event_time`) OVER (
    PARTITION BY `topic`, `partition` ORDER BY `_now`
    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
  ) - 5000, CASE `partition` WHEN 0 THEN CAST(1790000000000 AS BIGINT) ELSE CAST(-9223372036854775807 AS BIGINT) END) AS `_watermark`
FROM `_events`;

CREATE TEMPORARY VIEW `_rows` AS SELECT *
FROM `_marked`;

CREATE TEMPORARY TABLE `ad_clicks_1m_delta` (
  `ad_id` STRING,
  `window_start` BIGINT,
  `window_end` BIGINT,
  `clicks` BIGINT,
  `row_count` BIGINT,
  `late_count` BIGINT
) WITH (
  'connector' = 'kafka',
  'topic' = 'ads.ad_clicks_1m_delta',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.transaction.timeout.ms' = '900000',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'ads.ad_clicks_1m_delta',
  'format' = 'debezium-json',
  'sink.partitioner' = 'fixed',
  'debezium-json.encode.decimal-as-plain-number' = 'true'
);

CREATE TEMPORARY TABLE `users_5m_delta` (
  `user_id` STRING,
  `window_start` BIGINT,
  `window_end` BIGINT,
  `spend` DECIMAL(38, 6),
  `row_count` BIGINT,
  `late_count` BIGINT
) WITH (
  'connector' = 'kafka',
  'topic' = 'ads.users_5m_delta',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.transaction.timeout.ms' = '900000',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'ads.users_5m_delta',
  'format' = 'debezium-json',
  'sink.partitioner' = 'fixed',
  'debezium-json.encode.decimal-as-plain-number' = 'true'
);

CREATE TEMPORARY TABLE `day_delta` (
  `window_start` BIGINT,
  `window_end` BIGINT,
  `events` BIGINT,
  `row_count` BIGINT,
  `late_count` BIGINT
) WITH (
  'connector' = 'kafka',
  'topic' = 'ads.day_delta',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.transaction.timeout.ms' = '900000',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'ads.day_delta',
  'format' = 'debezium-json',
  'sink.partitioner' = 'fixed',
  'debezium-json.encode.decimal-as-plain-number' = 'true'
);

CREATE TEMPORARY TABLE `visits_delta` (
  `user_id` STRING,
  `window_start` BIGINT,
  `window_end` BIGINT,
  `events` BIGINT,
  `row_count` BIGINT,
  `late_count` BIGINT
) WITH (
  'connector' = 'kafka',
  'topic' = 'ads.visits_delta',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.transaction.timeout.ms' = '900000',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'ads.visits_delta',
  'format' = 'debezium-json',
  'sink.partitioner' = 'fixed',
  'debezium-json.encode.decimal-as-plain-number' = 'true'
);

CREATE TEMPORARY TABLE `visits_users_distinct` (
  `user_id` STRING,
  `window_start` BIGINT,
  `window_end` BIGINT,
  `value` STRING
) WITH (
  'connector' = 'kafka',
  'topic' = 'ads.visits_users_distinct',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.transaction.timeout.ms' = '900000',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'ads.visits_users_distinct',
  'format' = 'debezium-json',
  'sink.partitioner' = 'fixed',
  'debezium-json.encode.decimal-as-plain-number' = 'true'
);

CREATE TEMPORARY TABLE `busy_delta` (
  `window_start` BIGINT,
  `window_end` BIGINT,
  `events` BIGINT,
  `row_count` BIGINT,
  `late_count` BIGINT
) WITH (
  'connector' = 'kafka',
  'topic' = 'ads.busy_delta',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.transaction.timeout.ms' = '900000',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'ads.busy_delta',
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
  `day_late` BIGINT,
  `visits_filtered` BIGINT,
  `visits_counted` BIGINT,
  `visits_late` BIGINT,
  `busy_filtered` BIGINT,
  `busy_counted` BIGINT,
  `busy_late` BIGINT
) WITH (
  'connector' = 'kafka',
  'topic' = 'ads.ledger',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.transaction.timeout.ms' = '900000',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'ads.ledger',
  'format' = 'debezium-json',
  'sink.partitioner' = 'fixed',
  'debezium-json.encode.decimal-as-plain-number' = 'true'
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
  'topic' = 'ads.late_events',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.transaction.timeout.ms' = '900000',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'ads.late_events',
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
  'topic' = 'ads.dead_letters',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.transaction.timeout.ms' = '900000',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'ads.dead_letters',
  'format' = 'json',
  'json.encode.decimal-as-plain-number' = 'true'
);

CREATE TEMPORARY VIEW `_taken_ad_clicks_1m` AS SELECT `_ts`, `event_type`, `ad_id`
FROM `_rows` WHERE (`event_type` = 'click') AND (`event_time` - MOD(MOD(`event_time` - 10000, 60000) + 60000, 60000) + 60000 - 1 > `_watermark`);

CREATE TEMPORARY VIEW `_late_ad_clicks_1m` AS SELECT
  `event_time` - MOD(MOD(`event_time` - 10000, 60000) + 60000, 60000) AS `window_start`,
  `event_time` - MOD(MOD(`event_time` - 10000, 60000) + 60000, 60000) + 60000 AS `window_end`,
  `event_type`,
  `ad_id`
FROM `_rows` WHERE (`event_type` = 'click') AND (`event_time` - MOD(MOD(`event_time` - 10000, 60000) + 60000, 60000) + 60000 - 1 <= `_watermark`);

CREATE TEMPORARY VIEW `_taken_users_5m` AS SELECT `_ts`, `user_id`, `cost`, `_watermark`
FROM `_rows`;

CREATE TEMPORARY VIEW `_late_users_5m` AS SELECT
  `_in_window` - MOD(MOD(`_in_window`, 60000) + 60000, 60000) AS `window_start`,
  `_in_window` - MOD(MOD(`_in_window`, 60000) + 60000, 60000) + 300000 AS `window_end`,
  `user_id`,
  `cost`
FROM `_rows` CROSS JOIN UNNEST(ARRAY[`event_time`, `event_time` - 60000, `event_time` - 120000, `event_time` - 180000, `event_time` - 240000]) AS `_windows` (`_in_window`) WHERE (`_in_window` - MOD(MOD(`_in_window`, 60000) + 60000, 60000) + 300000 + 59999 <= `_watermark`);

CREATE TEMPORARY VIEW `_taken_day` AS SELECT `_ts`, `_watermark`
FROM `_rows`;

CREATE TEMPORARY VIEW `_late_day` AS SELECT
  `event_time` - MOD(MOD(`event_time`, 3600000) + 3600000, 3600000) AS `window_start`,
  `_in_window` - MOD(MOD(`_in_window`, 900000) + 900000, 900000) + 900000 AS `window_end`
FROM `_rows` CROSS JOIN UNNEST(ARRAY[`event_time`, `event_time` + 900000, `event_time` + 1800000, `event_time` + 2700000]) AS `_windows` (`_in_window`) WHERE (`_in_window` - MOD(MOD(`_in_window`, 900000) + 900000, 900000) + 900000 <= `event_time` - MOD(MOD(`event_time`, 3600000) + 3600000, 3600000) + 3600000) AND (`_in_window` - MOD(MOD(`_in_window`, 900000) + 900000, 900000) + 900000 - 1 <= `_watermark`);

CREATE TEMPORARY VIEW `_taken_visits` AS SELECT `_ts`, `ad_id`, `user_id`
FROM `_rows` WHERE (`event_time` + 1200000 - 1 > `_watermark`);

CREATE TEMPORARY VIEW `_windows_visits` AS SELECT
  `event_time` AS `window_start`,
  `event_time` + 1200000 AS `window_end`,
  `ad_id`,
  `user_id`
FROM `_rows` WHERE (`event_time` + 1200000 - 1 > `_watermark`);

CREATE TEMPORARY VIEW `_late_visits` AS SELECT
  `event_time` AS `window_start`,
  `event_time` + 1200000 AS `window_end`,
  `ad_id`,
  `user_id`
FROM `_rows` WHERE (`event_time` + 1200000 - 1 <= `_watermark`);

CREATE TEMPORARY VIEW `_taken_busy` AS SELECT `_ts`
FROM `_rows` WHERE (`event_time` + 500 - 1 > `_watermark`);

CREATE TEMPORARY VIEW `_late_busy` AS SELECT
  `event_time` AS `window_start`,
  `event_time` + 500 AS `window_end`
FROM `_rows` WHERE (`event_time` + 500 - 1 <= `_watermark`);

CREATE TEMPORARY VIEW `_classed` AS SELECT *,
  CASE WHEN `event_type` = 'click' THEN CASE WHEN `event_time` - MOD(MOD(`event_time` - 10000, 60000) + 60000, 60000) + 60000 - 1 <= `_watermark` THEN 2 ELSE 1 END ELSE 0 END AS `_class_ad_clicks_1m`,
  CASE WHEN `event_time` - MOD(MOD(`event_time`, 60000) + 60000, 60000) + 300000 + 59999 <= `_watermark` THEN 2 ELSE 1 END AS `_class_users_5m`,
  CASE WHEN `event_time` - MOD(MOD(`event_time`, 3600000) + 3600000, 3600000) + 3600000 - 1 <= `_watermark` THEN 2 ELSE 1 END AS `_class_day`,
  CASE WHEN `event_time` + 1200000 - 1 <= `_watermark` THEN 2 ELSE 1 END AS `_class_visits`,
  CASE WHEN `event_time` + 500 - 1 <= `_watermark` THEN 2 ELSE 1 END AS `_class_busy`
FROM `_rows`;

CREATE TEMPORARY VIEW `_counted` AS SELECT `topic`, `partition`, `offset`, `event_time` AS `event_time`,
  CASE WHEN (`_class_ad_clicks_1m` = 2 OR `_class_users_5m` = 2 OR `_class_day` = 2 OR `_class_visits` = 2 OR `_class_busy` = 2) AND `_class_ad_clicks_1m` <> 1 AND `_class_users_5m` <> 1 AND `_class_day` <> 1 AND `_class_visits` <> 1 AND `_class_busy` <> 1 THEN CAST(0 AS BIGINT) ELSE CAST(1 AS BIGINT) END AS `accepted`,
  CAST(0 AS BIGINT) AS `duplicate`,
  CASE WHEN (`_class_ad_clicks_1m` = 2 OR `_class_users_5m` = 2 OR `_class_day` = 2 OR `_class_visits` = 2 OR `_class_busy` = 2) AND `_class_ad_clicks_1m` <> 1 AND `_class_users_5m` <> 1 AND `_class_day` <> 1 AND `_class_visits` <> 1 AND `_class_busy` <> 1 THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS `late`,
  CAST(0 AS BIGINT) AS `dead`,
  CASE WHEN (`_class_ad_clicks_1m` = 2 OR `_class_users_5m` = 2 OR `_class_day` = 2 OR `_class_visits` = 2 OR `_class_busy` = 2) AND `_class_ad_clicks_1m` <> 1 AND `_class_users_5m` <> 1 AND `_class_day` <> 1 AND `_class_visits` <> 1 AND `_class_busy` <> 1 THEN CAST(0 AS BIGINT) ELSE row_checksum(`topic`, `partition`, `offset`, `event_time`) END AS `checksum`,
  CASE `_class_ad_clicks_1m` WHEN 0 THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS `ad_clicks_1m_filtered`,
  CASE `_class_ad_clicks_1m` WHEN 1 THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS `ad_clicks_1m_counted`,
  CASE `_class_ad_clicks_1m` WHEN 2 THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS `ad_clicks_1m_late`,
  CASE `_class_users_5m` WHEN 0 THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS `users_5m_filtered`,
  CASE `_class_users_5m` WHEN 1 THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS `users_5m_counted`,
  CASE `_class_users_5m` WHEN 2 THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS `users_5m_late`,
  CASE `_class_day` WHEN 0 THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS `day_filtered`,
  CASE `_class_day` WHEN 1 THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS `day_counted`,
  CASE `_class_day` WHEN 2 THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS `day_late`,
  CASE `_class_visits` WHEN 0 THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS `visits_filtered`,
  CASE `_class_visits` WHEN 1 THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS `visits_counted`,
  CASE `_class_visits` WHEN 2 THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS `visits_late`,
  CASE `_class_busy` WHEN 0 THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS `busy_filtered`,
  CASE `_class_busy` WHEN 1 THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS `busy_counted`,
  CASE `_class_busy` WHEN 2 THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS `busy_late`
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
  CAST(0 AS BIGINT) AS `day_late`,
  CAST(0 AS BIGINT) AS `visits_filtered`,
  CAST(0 AS BIGINT) AS `visits_counted`,
  CAST(0 AS BIGINT) AS `visits_late`,
  CAST(0 AS BIGINT) AS `busy_filtered`,
  CAST(0 AS BIGINT) AS `busy_counted`,
  CAST(0 AS BIGINT) AS `busy_late`
FROM `_read` WHERE `reason` IS NOT NULL;

EXECUTE STATEMENT SET BEGIN
INSERT INTO `ad_clicks_1m_delta`
SELECT
  `ad_id`,
  EXTRACT(EPOCH FROM `window_start`) * 1000 + MOD(EXTRACT(MILLISECOND FROM `window_start`), 1000) AS `window_start`,
  EXTRACT(EPOCH FROM `window_end`) * 1000 + MOD(EXTRACT(MILLISECOND FROM `window_end`), 1000) AS `window_end`,
  COUNT(*) AS `clicks`,
  COUNT(*) AS `row_count`,
  CAST(0 AS BIGINT) AS `late_count`
FROM TABLE(TUMBLE(TABLE `_taken_ad_clicks_1m`, DESCRIPTOR(`_ts`), INTERVAL '0 00:01:00.000' DAY(3) TO SECOND(3), INTERVAL '0 00:00:10.000' DAY(3) TO SECOND(3)))
GROUP BY `window_start`, `window_end`, `ad_id`
UNION ALL
SELECT
  `ad_id`,
  `window_start`,
  `window_end`,
  CAST(0 AS BIGINT),
  CAST(0 AS BIGINT),
  CAST(1 AS BIGINT)
FROM `_late_ad_clicks_1m`;
INSERT INTO `users_5m_delta`
SELECT
  `user_id`,
  EXTRACT(EPOCH FROM `window_start`) * 1000 + MOD(EXTRACT(MILLISECOND FROM `window_start`), 1000) AS `window_start`,
  EXTRACT(EPOCH FROM `window_end`) * 1000 + MOD(EXTRACT(MILLISECOND FROM `window_end`), 1000) AS `window_end`,
  SUM(`cost`) AS `spend`,
  COUNT(*) AS `row_count`,
  CAST(0 AS BIGINT) AS `late_count`
FROM TABLE(HOP(TABLE `_taken_users_5m`, DESCRIPTOR(`_ts`), INTERVAL '0 00:01:00.000' DAY(3) TO SECOND(3), INTERVAL '0 00:05:00.000' DAY(3) TO SECOND(3)))
WHERE `window_end` > CAST(TO_TIMESTAMP_LTZ(`_watermark` + -59999, 3) AS TIMESTAMP(3))
GROUP BY `window_start`, `window_end`, `user_id`
UNION ALL
SELECT
  `user_id`,
  `window_start`,
  `window_end`,
  CAST(NULL AS DECIMAL(38, 6)),
  CAST(0 AS BIGINT),
  CAST(1 AS BIGINT)
FROM `_late_users_5m`;
INSERT INTO `day_delta`
SELECT
  EXTRACT(EPOCH FROM `window_start`) * 1000 + MOD(EXTRACT(MILLISECOND FROM `window_start`), 1000) AS `window_start`,
  EXTRACT(EPOCH FROM `window_end`) * 1000 + MOD(EXTRACT(MILLISECOND FROM `window_end`), 1000) AS `window_end`,
  COUNT(*) AS `events`,
  COUNT(*) AS `row_count`,
  CAST(0 AS BIGINT) AS `late_count`
FROM TABLE(CUMULATE(TABLE `_taken_day`, DESCRIPTOR(`_ts`), INTERVAL '0 00:15:00.000' DAY(3) TO SECOND(3), INTERVAL '0 01:00:00.000' DAY(3) TO SECOND(3)))
WHERE `window_end` > CAST(TO_TIMESTAMP_LTZ(`_watermark` + 1, 3) AS TIMESTAMP(3))
GROUP BY `window_start`, `window_end`
UNION ALL
SELECT
  `window_start`,
  `window_end`,
  CAST(0 AS BIGINT),
  CAST(0 AS BIGINT),
  CAST(1 AS BIGINT)
FROM `_late_day`;
INSERT INTO `visits_delta`
SELECT
  `user_id`,
  EXTRACT(EPOCH FROM `window_start`) * 1000 + MOD(EXTRACT(MILLISECOND FROM `window_start`), 1000) AS `window_start`,
  EXTRACT(EPOCH FROM `window_end`) * 1000 + MOD(EXTRACT(MILLISECOND FROM `window_end`), 1000) AS `window_end`,
  COUNT(*) AS `events`,
  COUNT(*) AS `row_count`,
  CAST(0 AS BIGINT) AS `late_count`
FROM TABLE(SESSION(TABLE `_taken_visits` PARTITION BY (`user_id`), DESCRIPTOR(`_ts`), INTERVAL '0 00:20:00.000' DAY(3) TO SECOND(3)))
GROUP BY `window_start`, `window_end`, `user_id`
UNION ALL
SELECT
  `user_id`,
  `window_start`,
  `window_end`,
  CAST(0 AS BIGINT),
  CAST(0 AS BIGINT),
  CAST(1 AS BIGINT)
FROM `_late_visits`;
INSERT INTO `visits_users_distinct` SELECT /*+ STATE_TTL('visits_users' = '174005000 ms') */
  `user_id`, `window_start`, `window_end`, `ad_id`
FROM `_windows_visits` AS `visits_users` WHERE `ad_id` IS NOT NULL
GROUP BY `user_id`, `window_start`, `window_end`, `ad_id`;
INSERT INTO `busy_delta`
SELECT
  EXTRACT(EPOCH FROM `window_start`) * 1000 + MOD(EXTRACT(MILLISECOND FROM `window_start`), 1000) AS `window_start`,
  EXTRACT(EPOCH FROM `window_end`) * 1000 + MOD(EXTRACT(MILLISECOND FROM `window_end`), 1000) AS `window_end`,
  COUNT(*) AS `events`,
  COUNT(*) AS `row_count`,
  CAST(0 AS BIGINT) AS `late_count`
FROM TABLE(SESSION(TABLE `_taken_busy`, DESCRIPTOR(`_ts`), INTERVAL '0 00:00:00.500' DAY(3) TO SECOND(3)))
GROUP BY `window_start`, `window_end`
UNION ALL
SELECT
  `window_start`,
  `window_end`,
  CAST(0 AS BIGINT),
  CAST(0 AS BIGINT),
  CAST(1 AS BIGINT)
FROM `_late_busy`;
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
  SUM(`day_late`) AS `day_late`,
  SUM(`visits_filtered`) AS `visits_filtered`,
  SUM(`visits_counted`) AS `visits_counted`,
  SUM(`visits_late`) AS `visits_late`,
  SUM(`busy_filtered`) AS `busy_filtered`,
  SUM(`busy_counted`) AS `busy_counted`,
  SUM(`busy_late`) AS `busy_late`
FROM `_counted` GROUP BY `topic`, `partition`;
INSERT INTO `late_events`
SELECT CAST('ad_clicks_1m' AS STRING) AS `rollup`, `topic`, `partition`, `offset`,
  `event_time` AS `event_time`, `_watermark` AS `watermark`, `_watermark` - (`event_time` - MOD(MOD(`event_time` - 10000, 60000) + 60000, 60000) + 60000 - 1) AS `late_by_ms`
FROM `_rows` WHERE (`event_type` = 'click') AND (`event_time` - MOD(MOD(`event_time` - 10000, 60000) + 60000, 60000) + 60000 - 1 <= `_watermark`)
UNION ALL
SELECT CAST('users_5m' AS STRING) AS `rollup`, `topic`, `partition`, `offset`,
  `event_time` AS `event_time`, `_watermark` AS `watermark`, `_watermark` - (`event_time` - MOD(MOD(`event_time`, 60000) + 60000, 60000) + 300000 + 59999) AS `late_by_ms`
FROM `_rows` WHERE (`event_time` - MOD(MOD(`event_time`, 60000) + 60000, 60000) + 300000 + 59999 <= `_watermark`)
UNION ALL
SELECT CAST('day' AS STRING) AS `rollup`, `topic`, `partition`, `offset`,
  `event_time` AS `event_time`, `_watermark` AS `watermark`, `_watermark` - (`event_time` - MOD(MOD(`event_time`, 3600000) + 3600000, 3600000) + 3600000 - 1) AS `late_by_ms`
FROM `_rows` WHERE (`event_time` - MOD(MOD(`event_time`, 3600000) + 3600000, 3600000) + 3600000 - 1 <= `_watermark`)
UNION ALL
SELECT CAST('visits' AS STRING) AS `rollup`, `topic`, `partition`, `offset`,
  `event_time` AS `event_time`, `_watermark` AS `watermark`, `_watermark` - (`event_time` + 1200000 - 1) AS `late_by_ms`
FROM `_rows` WHERE (`event_time` + 1200000 - 1 <= `_watermark`)
UNION ALL
SELECT CAST('busy' AS STRING) AS `rollup`, `topic`, `partition`, `offset`,
  `event_time` AS `event_time`, `_watermark` AS `watermark`, `_watermark` - (`event_time` + 500 - 1) AS `late_by_ms`
FROM `_rows` WHERE (`event_time` + 500 - 1 <= `_watermark`);
INSERT INTO `dead_letters` SELECT
  `topic`, `partition`, `offset`, `record_timestamp`, `_value` AS `value`, `reason`, `field`
FROM `_read` WHERE `reason` IS NOT NULL;
END;
