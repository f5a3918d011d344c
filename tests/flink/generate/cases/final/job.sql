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
  'scan.startup.mode' = 'earliest-offset',
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
  MAX(`event_time`) OVER (
    PARTITION BY `topic`, `partition` ORDER BY `_now`
    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
  ) - 5000 AS `_watermark`
FROM `_events`;

CREATE TEMPORARY VIEW `_rows` AS SELECT *
FROM `_marked`;

CREATE TEMPORARY TABLE `ad_clicks_1m` (
  `window_start` BIGINT NOT NULL,
  `window_end` BIGINT NOT NULL,
  `ad_id` STRING,
  `clicks` BIGINT
) WITH (
  'connector' = 'kafka',
  'topic' = 'ads.ad_clicks_1m',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.transaction.timeout.ms' = '900000',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'ads.ad_clicks_1m',
  'format' = 'json',
  'json.encode.decimal-as-plain-number' = 'true'
);

CREATE TEMPORARY TABLE `users_5m` (
  `window_start` BIGINT NOT NULL,
  `window_end` BIGINT NOT NULL,
  `user_id` STRING,
  `spend` DECIMAL(38, 6)
) WITH (
  'connector' = 'kafka',
  'topic' = 'ads.users_5m',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.transaction.timeout.ms' = '900000',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'ads.users_5m',
  'format' = 'json',
  'json.encode.decimal-as-plain-number' = 'true'
);

CREATE TEMPORARY TABLE `day` (
  `window_start` BIGINT NOT NULL,
  `window_end` BIGINT NOT NULL,
  `events` BIGINT
) WITH (
  'connector' = 'kafka',
  'topic' = 'ads.day',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.transaction.timeout.ms' = '900000',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'ads.day',
  'format' = 'json',
  'json.encode.decimal-as-plain-number' = 'true'
);

CREATE TEMPORARY TABLE `visits` (
  `window_start` BIGINT NOT NULL,
  `window_end` BIGINT NOT NULL,
  `user_id` STRING,
  `events` BIGINT,
  `users` BIGINT
) WITH (
  'connector' = 'kafka',
  'topic' = 'ads.visits',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.transaction.timeout.ms' = '900000',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'ads.visits',
  'format' = 'json',
  'json.encode.decimal-as-plain-number' = 'true'
);

CREATE TEMPORARY TABLE `busy` (
  `window_start` BIGINT NOT NULL,
  `window_end` BIGINT NOT NULL,
  `events` BIGINT
) WITH (
  'connector' = 'kafka',
  'topic' = 'ads.busy',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.transaction.timeout.ms' = '900000',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'ads.busy',
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

CREATE TEMPORARY VIEW `_taken_users_5m` AS SELECT `_ts`, `user_id`, `cost`, `_watermark`
FROM `_rows`;

CREATE TEMPORARY VIEW `_taken_day` AS SELECT `_ts`, `_watermark`
FROM `_rows`;

CREATE TEMPORARY VIEW `_taken_visits` AS SELECT `_ts`, `ad_id`, `user_id`
FROM `_rows` WHERE (`event_time` + 1200000 - 1 > `_watermark`);

CREATE TEMPORARY VIEW `_taken_busy` AS SELECT `_ts`
FROM `_rows` WHERE (`event_time` + 500 - 1 > `_watermark`);

EXECUTE STATEMENT SET BEGIN
INSERT INTO `ad_clicks_1m` SELECT
  EXTRACT(EPOCH FROM `window_start`) * 1000 + MOD(EXTRACT(MILLISECOND FROM `window_start`), 1000) AS `window_start`,
  EXTRACT(EPOCH FROM `window_end`) * 1000 + MOD(EXTRACT(MILLISECOND FROM `window_end`), 1000) AS `window_end`,
  `ad_id`,
  COUNT(*) AS `clicks`
FROM TABLE(TUMBLE(TABLE `_taken_ad_clicks_1m`, DESCRIPTOR(`_ts`), INTERVAL '0 00:01:00.000' DAY(3) TO SECOND(3), INTERVAL '0 00:00:10.000' DAY(3) TO SECOND(3)))
GROUP BY `window_start`, `window_end`, `ad_id`;
INSERT INTO `users_5m` SELECT
  EXTRACT(EPOCH FROM `window_start`) * 1000 + MOD(EXTRACT(MILLISECOND FROM `window_start`), 1000) AS `window_start`,
  EXTRACT(EPOCH FROM `window_end`) * 1000 + MOD(EXTRACT(MILLISECOND FROM `window_end`), 1000) AS `window_end`,
  `user_id`,
  SUM(`cost`) AS `spend`
FROM TABLE(HOP(TABLE `_taken_users_5m`, DESCRIPTOR(`_ts`), INTERVAL '0 00:01:00.000' DAY(3) TO SECOND(3), INTERVAL '0 00:05:00.000' DAY(3) TO SECOND(3)))
WHERE `window_end` > CAST(TO_TIMESTAMP_LTZ(`_watermark` + -59999, 3) AS TIMESTAMP(3))
GROUP BY `window_start`, `window_end`, `user_id`;
INSERT INTO `day` SELECT
  EXTRACT(EPOCH FROM `window_start`) * 1000 + MOD(EXTRACT(MILLISECOND FROM `window_start`), 1000) AS `window_start`,
  EXTRACT(EPOCH FROM `window_end`) * 1000 + MOD(EXTRACT(MILLISECOND FROM `window_end`), 1000) AS `window_end`,
  COUNT(*) AS `events`
FROM TABLE(CUMULATE(TABLE `_taken_day`, DESCRIPTOR(`_ts`), INTERVAL '0 00:15:00.000' DAY(3) TO SECOND(3), INTERVAL '0 01:00:00.000' DAY(3) TO SECOND(3)))
WHERE `window_end` > CAST(TO_TIMESTAMP_LTZ(`_watermark` + 1, 3) AS TIMESTAMP(3))
GROUP BY `window_start`, `window_end`;
INSERT INTO `visits` SELECT
  EXTRACT(EPOCH FROM `window_start`) * 1000 + MOD(EXTRACT(MILLISECOND FROM `window_start`), 1000) AS `window_start`,
  EXTRACT(EPOCH FROM `window_end`) * 1000 + MOD(EXTRACT(MILLISECOND FROM `window_end`), 1000) AS `window_end`,
  `user_id`,
  COUNT(*) AS `events`,
  COUNT(DISTINCT `ad_id`) AS `users`
FROM TABLE(SESSION(TABLE `_taken_visits` PARTITION BY (`user_id`), DESCRIPTOR(`_ts`), INTERVAL '0 00:20:00.000' DAY(3) TO SECOND(3)))
GROUP BY `window_start`, `window_end`, `user_id`;
INSERT INTO `busy` SELECT
  EXTRACT(EPOCH FROM `window_start`) * 1000 + MOD(EXTRACT(MILLISECOND FROM `window_start`), 1000) AS `window_start`,
  EXTRACT(EPOCH FROM `window_end`) * 1000 + MOD(EXTRACT(MILLISECOND FROM `window_end`), 1000) AS `window_end`,
  COUNT(*) AS `events`
FROM TABLE(SESSION(TABLE `_taken_busy`, DESCRIPTOR(`_ts`), INTERVAL '0 00:00:00.500' DAY(3) TO SECOND(3)))
GROUP BY `window_start`, `window_end`;
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
