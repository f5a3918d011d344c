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
  'scan.startup.mode' = 'earliest-offset'
);

CREATE TEMPORARY VIEW `_judged` AS SELECT `topic`, `partition`, `offset`, `_value`, `_now`,
  CASE WHEN `_timestamp_type` = 'NoTimestampType' THEN CAST(NULL AS BIGINT) ELSE EXTRACT(EPOCH FROM CAST(`_timestamp` AS TIMESTAMP(3))) * 1000 + MOD(EXTRACT(MILLISECOND FROM CAST(`_timestamp` AS TIMESTAMP(3))), 1000) END AS `record_timestamp`,
  strict_event('"event_id" str length 1 64, "event_time" time_ms, "event_type" str in ("impression" "click" "conversion"), "ad_id" str length 1 64, "user_id" str null absent null, "cost" money absent 0, "items" int absent 1, "weight" float absent #1.0', `_value`) AS `_event`
FROM `_records`;

CREATE TEMPORARY VIEW `_read` AS SELECT `topic`, `partition`, `offset`, `record_timestamp`, `_value`, `_now`, `_event`,
  `_event`.`reason` AS `reason`,
  `_event`.`field` AS `field`
FROM `_judged`;

CREATE TEMPORARY VIEW `_events` AS SELECT `topic`, `partition`, `offset`, `_now`,
  `_event`.`event_time` AS `event_time`,
  `_event`.`ad_id` AS `ad_id`
FROM `_read` WHERE `reason` IS NULL;

CREATE TEMPORARY VIEW `_marked` AS SELECT *,
  MAX(`event_time`) OVER (
    PARTITION BY `topic`, `partition` ORDER BY `_now`
    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
  ) - 5000 AS `_watermark`
FROM `_events`;

CREATE TEMPORARY VIEW `_rows` AS SELECT *
FROM `_marked`;

CREATE TEMPORARY TABLE `day` (
  `window_start` BIGINT NOT NULL,
  `window_end` BIGINT NOT NULL,
  `ad_id` STRING,
  `events` BIGINT,
  PRIMARY KEY (`window_start`, `window_end`, `ad_id`) NOT ENFORCED
) WITH (
  'connector' = 'upsert-kafka',
  'topic' = 'ads.day',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.transaction.timeout.ms' = '900000',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'ads.day',
  'key.format' = 'json',
  'key.json.encode.decimal-as-plain-number' = 'true',
  'value.format' = 'json',
  'value.json.encode.decimal-as-plain-number' = 'true',
  'value.fields-include' = 'ALL'
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

CREATE TEMPORARY VIEW `_taken_day` AS SELECT
  `event_time` - MOD(MOD(`event_time`, 3600000) + 3600000, 3600000) AS `window_start`,
  `_in_window` - MOD(MOD(`_in_window`, 900000) + 900000, 900000) + 900000 AS `window_end`,
  `ad_id`
FROM `_rows` CROSS JOIN UNNEST(ARRAY[`event_time`, `event_time` + 900000, `event_time` + 1800000, `event_time` + 2700000]) AS `_windows` (`_in_window`) WHERE (`_in_window` - MOD(MOD(`_in_window`, 900000) + 900000, 900000) + 900000 <= `event_time` - MOD(MOD(`event_time`, 3600000) + 3600000, 3600000) + 3600000) AND (`_in_window` - MOD(MOD(`_in_window`, 900000) + 900000, 900000) + 900000 - 1 > `_watermark`);

EXECUTE STATEMENT SET BEGIN
INSERT INTO `day` SELECT /*+ STATE_TTL('day' = '176405000 ms') */
  `window_start`,
  `window_end`,
  `ad_id`,
  COUNT(*) AS `events`
FROM `_taken_day` AS `day` GROUP BY `window_start`, `window_end`, `ad_id`;
INSERT INTO `late_events`
SELECT CAST('day' AS STRING) AS `rollup`, `topic`, `partition`, `offset`,
  `event_time` AS `event_time`, `_watermark` AS `watermark`, `_watermark` - (`event_time` - MOD(MOD(`event_time`, 3600000) + 3600000, 3600000) + 3600000 - 1) AS `late_by_ms`
FROM `_rows` WHERE (`event_time` - MOD(MOD(`event_time`, 3600000) + 3600000, 3600000) + 3600000 - 1 <= `_watermark`);
INSERT INTO `dead_letters` SELECT
  `topic`, `partition`, `offset`, `record_timestamp`, `_value` AS `value`, `reason`, `field`
FROM `_read` WHERE `reason` IS NOT NULL;
END;
