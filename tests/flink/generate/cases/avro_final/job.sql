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
  `_headers` MAP<STRING, BYTES> METADATA FROM 'headers' VIRTUAL,
  `_value` BYTES,
  `_now` AS PROCTIME(),
  `_ts` AS TO_TIMESTAMP_LTZ(COALESCE(strict_event('max_future 300000, registry "http://registry:8081", avro, "event_id" str length 1 64, "event_time" time_ms range 0 4102444799999, "event_type" str in ("impression" "click" "conversion"), "ad_id" str length 1 64, "user_id" str null absent null, "cost" money absent 0, "items" int absent 1, "weight" float absent #1.0', `_value`, CASE WHEN `_timestamp_type` = 'NoTimestampType' THEN CAST(NULL AS BIGINT) ELSE EXTRACT(EPOCH FROM CAST(`_timestamp` AS TIMESTAMP(3))) * 1000 + MOD(EXTRACT(MILLISECOND FROM CAST(`_timestamp` AS TIMESTAMP(3))), 1000) END, `_headers`['__value_schema_id']).`event_time`, CAST(0 AS BIGINT)), 3),
  WATERMARK FOR `_ts` AS `_ts` - INTERVAL '0 00:00:05.000' DAY(3) TO SECOND(3)
) WITH (
  'connector' = 'kafka',
  'topic' = 'ad-events',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.group.id' = 'tidemill-flink',
  'properties.isolation.level' = 'read_committed',
  'format' = 'raw',
  'scan.startup.mode' = 'earliest-offset',
  'scan.bounded.mode' = 'latest-offset',
  'scan.topic-partition-discovery.interval' = '0 ms',
  'scan.watermark.emit.strategy' = 'on-event'
);

CREATE TEMPORARY VIEW `_judged` AS SELECT `topic`, `partition`, `offset`, `_value`, `_now`, `_ts`, `_headers`['__value_schema_id'] AS `_header`,
  CASE WHEN `_timestamp_type` = 'NoTimestampType' THEN CAST(NULL AS BIGINT) ELSE EXTRACT(EPOCH FROM CAST(`_timestamp` AS TIMESTAMP(3))) * 1000 + MOD(EXTRACT(MILLISECOND FROM CAST(`_timestamp` AS TIMESTAMP(3))), 1000) END AS `record_timestamp`,
  strict_event('registry "http://registry:8081", avro, "event_id" str length 1 64, "event_time" time_ms range 0 4102444799999, "event_type" str in ("impression" "click" "conversion"), "ad_id" str length 1 64, "user_id" str null absent null, "cost" money absent 0, "items" int absent 1, "weight" float absent #1.0', `_value`, CAST(NULL AS BIGINT), `_headers`['__value_schema_id']) AS `_event`
FROM `_records`;

CREATE TEMPORARY VIEW `_read` AS SELECT `topic`, `partition`, `offset`, `record_timestamp`, `_value`, `_now`, `_ts`, `_header`, `_event`,
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
  `clicks` BIGINT,
  `spend` DECIMAL(38, 6)
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
  `field` STRING,
  `header` BYTES
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

CREATE TEMPORARY VIEW `_taken_ad_clicks_1m` AS SELECT `_ts`, `event_type`, `ad_id`, `cost`
FROM `_rows` WHERE (`event_type` = 'click') AND (`event_time` - MOD(MOD(`event_time`, 60000) + 60000, 60000) + 60000 - 1 > `_watermark`);

EXECUTE STATEMENT SET BEGIN
INSERT INTO `ad_clicks_1m` SELECT
  EXTRACT(EPOCH FROM `window_start`) * 1000 + MOD(EXTRACT(MILLISECOND FROM `window_start`), 1000) AS `window_start`,
  EXTRACT(EPOCH FROM `window_end`) * 1000 + MOD(EXTRACT(MILLISECOND FROM `window_end`), 1000) AS `window_end`,
  `ad_id`,
  COUNT(*) AS `clicks`,
  SUM(`cost`) AS `spend`
FROM TABLE(TUMBLE(TABLE `_taken_ad_clicks_1m`, DESCRIPTOR(`_ts`), INTERVAL '0 00:01:00.000' DAY(3) TO SECOND(3)))
GROUP BY `window_start`, `window_end`, `ad_id`;
INSERT INTO `late_events`
SELECT CAST('ad_clicks_1m' AS STRING) AS `rollup`, `topic`, `partition`, `offset`,
  `event_time` AS `event_time`, `_watermark` AS `watermark`, `_watermark` - (`event_time` - MOD(MOD(`event_time`, 60000) + 60000, 60000) + 60000 - 1) AS `late_by_ms`
FROM `_rows` WHERE (`event_type` = 'click') AND (`event_time` - MOD(MOD(`event_time`, 60000) + 60000, 60000) + 60000 - 1 <= `_watermark`);
INSERT INTO `dead_letters` SELECT
  `topic`, `partition`, `offset`, `record_timestamp`, `_value` AS `value`, `reason`, `field`, `_header` AS `header`
FROM `_read` WHERE `reason` IS NOT NULL;
END;
