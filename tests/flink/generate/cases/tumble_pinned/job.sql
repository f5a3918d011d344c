-- Pipeline ads: made by `tidemill flink generate`; change the pipeline file, not this one.

SET 'pipeline.name' = 'tidemill-ads';

SET 'execution.runtime-mode' = 'streaming';

SET 'table.local-time-zone' = 'UTC';

SET 'pipeline.object-reuse' = 'true';

SET 'parallelism.default' = '2';

SET 'table.exec.state.ttl' = '0 ms';

SET 'execution.checkpointing.mode' = 'EXACTLY_ONCE';

SET 'execution.checkpointing.interval' = '10000 ms';

SET 'execution.checkpointing.storage' = 'filesystem';

SET 'execution.checkpointing.dir' = 'file:///tmp/checkpoints';

SET 'table.exec.mini-batch.enabled' = 'true';

SET 'table.exec.mini-batch.allow-latency' = '1 s';

SET 'table.exec.mini-batch.size' = '50000';

ADD JAR '/opt/flink/usrlib/contract.jar';

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
  'properties.security.protocol' = 'SSL',
  'format' = 'raw',
  'scan.startup.mode' = 'specific-offsets',
  'scan.startup.specific-offsets' = 'partition:0,offset:12;partition:1,offset:0',
  'scan.bounded.mode' = 'specific-offsets',
  'scan.bounded.specific-offsets' = 'partition:0,offset:1200;partition:1,offset:1187',
  'scan.topic-partition-discovery.interval' = '0 ms'
);

CREATE TEMPORARY VIEW `_judged` AS SELECT `topic`, `partition`, `offset`, `_value`, `_now`,
  CASE WHEN `_timestamp_type` = 'NoTimestampType' THEN CAST(NULL AS BIGINT) ELSE EXTRACT(EPOCH FROM CAST(`_timestamp` AS TIMESTAMP(3))) * 1000 + MOD(EXTRACT(MILLISECOND FROM CAST(`_timestamp` AS TIMESTAMP(3))), 1000) END AS `record_timestamp`,
  strict_event('max_bytes 100000, "event_id" str length 1 64, "event_time" time_ms, "event_type" str in ("impression" "click" "conversion"), "ad_id" str length 1 64, "user_id" str null absent null, "cost" money absent 0, "items" int absent 1, "weight" float absent #1.0', `_value`) AS `_event`
FROM `_records`;

CREATE TEMPORARY VIEW `_read` AS SELECT `topic`, `partition`, `offset`, `record_timestamp`, `_value`, `_now`, `_event`,
  CASE
    WHEN `_event`.`reason` IS NOT NULL THEN CAST(`_event`.`reason` AS STRING)
    WHEN `_event`.`event_time` - 300000 > COALESCE(`record_timestamp`, 4102444800000) THEN CAST('future_event' AS STRING) END AS `reason`,
  CASE
    WHEN `_event`.`reason` IS NOT NULL THEN CAST(`_event`.`field` AS STRING)
    WHEN `_event`.`event_time` - 300000 > COALESCE(`record_timestamp`, 4102444800000) THEN CAST('event_time' AS STRING) END AS `field`
FROM `_judged`;

CREATE TEMPORARY VIEW `_events` AS SELECT `topic`, `partition`, `offset`, `_now`,
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
  `spend` DECIMAL(38, 6),
  PRIMARY KEY (`window_start`, `ad_id`) NOT ENFORCED
) WITH (
  'connector' = 'upsert-kafka',
  'topic' = 'parity.1.ad_clicks_1m',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.transaction.timeout.ms' = '900000',
  'properties.security.protocol' = 'SSL',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'parity.1.ad_clicks_1m',
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
  'topic' = 'parity.1.late_events',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.transaction.timeout.ms' = '900000',
  'properties.security.protocol' = 'SSL',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'parity.1.late_events',
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
  'topic' = 'parity.1.dead_letters',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.transaction.timeout.ms' = '900000',
  'properties.security.protocol' = 'SSL',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'parity.1.dead_letters',
  'format' = 'json',
  'json.encode.decimal-as-plain-number' = 'true'
);

CREATE TEMPORARY VIEW `_taken_ad_clicks_1m` AS SELECT
  `event_time` - MOD(MOD(`event_time`, 60000) + 60000, 60000) AS `window_start`,
  `event_type`,
  `ad_id`,
  `cost`
FROM `_rows` WHERE (`event_type` = 'click') AND (`event_time` - MOD(MOD(`event_time`, 60000) + 60000, 60000) + 60000 - 1 > `_watermark`);

EXECUTE STATEMENT SET BEGIN
INSERT INTO `ad_clicks_1m` SELECT
  `window_start`,
  `window_start` + 60000 AS `window_end`,
  `ad_id`,
  COUNT(*) AS `clicks`,
  SUM(`cost`) AS `spend`
FROM `_taken_ad_clicks_1m` AS `ad_clicks_1m` GROUP BY `window_start`, `ad_id`;
INSERT INTO `late_events`
SELECT CAST('ad_clicks_1m' AS STRING) AS `rollup`, `topic`, `partition`, `offset`,
  `event_time` AS `event_time`, `_watermark` AS `watermark`, `_watermark` - (`event_time` - MOD(MOD(`event_time`, 60000) + 60000, 60000) + 60000 - 1) AS `late_by_ms`
FROM `_rows` WHERE (`event_type` = 'click') AND (`event_time` - MOD(MOD(`event_time`, 60000) + 60000, 60000) + 60000 - 1 <= `_watermark`);
INSERT INTO `dead_letters` SELECT
  `topic`, `partition`, `offset`, `record_timestamp`, `_value` AS `value`, `reason`, `field`
FROM `_read` WHERE `reason` IS NOT NULL;
END;
