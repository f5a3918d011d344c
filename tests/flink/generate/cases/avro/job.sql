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
  strict_event('avro "{\"type\":\"record\",\"name\":\"AdEvent\",\"namespace\":\"ads\",\"doc\":\"it\u0027s one\u003b or isn\u0027t\",\"fields\":[{\"name\":\"event_id\",\"type\":\"string\"},{\"name\":\"event_time\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}},{\"name\":\"event_type\",\"type\":{\"type\":\"enum\",\"name\":\"Type\",\"symbols\":[\"impression\",\"click\",\"conversion\"]}},{\"name\":\"ad_id\",\"type\":\"string\"},{\"name\":\"cost\",\"type\":{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":18,\"scale\":6}},{\"name\":\"count\",\"type\":[\"null\",\"int\"],\"default\":null}]}", "event_id" str length 1 64, "event_time" time_ms range 0 4102444799999, "event_type" str in ("impression" "click" "conversion"), "ad_id" str length 1 64, "user_id" str null absent null, "cost" money absent 0, "items" int former ("count") absent 1, "weight" float absent #1.0', `_value`) AS `_event`
FROM `_records`;

CREATE TEMPORARY VIEW `_read` AS SELECT `topic`, `partition`, `offset`, `record_timestamp`, `_value`, `_now`, `_event`,
  `_event`.`reason` AS `reason`,
  `_event`.`field` AS `field`
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
  'topic' = 'ads.ad_clicks_1m',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.transaction.timeout.ms' = '900000',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'ads.ad_clicks_1m',
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

CREATE TEMPORARY VIEW `_taken_ad_clicks_1m` AS SELECT
  `event_time` - MOD(MOD(`event_time`, 60000) + 60000, 60000) AS `window_start`,
  `event_type`,
  `ad_id`,
  `cost`
FROM `_rows` WHERE (`event_type` = 'click') AND (`event_time` - MOD(MOD(`event_time`, 60000) + 60000, 60000) + 60000 - 1 > `_watermark`);

EXECUTE STATEMENT SET BEGIN
INSERT INTO `ad_clicks_1m` SELECT /*+ STATE_TTL('ad_clicks_1m' = '172865000 ms') */
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
