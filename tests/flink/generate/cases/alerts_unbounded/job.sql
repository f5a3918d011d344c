-- Pipeline visits: made by `tidemill flink generate`; change the pipeline file, not this one.

SET 'pipeline.name' = 'tidemill-visits';

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
  strict_event('"id" str length 1 40, "at" time_ms range 0 4102444799999, "kind" str in ("see" "buy" "leave"), "shop" str in ("north" "south" "west"), "guest" str null absent null in ("ann" "bob" "cem"), "paid" money null absent null', `_value`) AS `_event`
FROM `_records`;

CREATE TEMPORARY VIEW `_read` AS SELECT `topic`, `partition`, `offset`, `record_timestamp`, `_value`, `_now`, `_event`,
  `_event`.`reason` AS `reason`,
  `_event`.`field` AS `field`
FROM `_judged`;

CREATE TEMPORARY VIEW `_events` AS SELECT `topic`, `partition`, `offset`, `_now`,
  `_event`.`id` AS `id`,
  `_event`.`at` AS `at`,
  `_event`.`kind` AS `kind`,
  `_event`.`shop` AS `shop`,
  `_event`.`guest` AS `guest`,
  `_event`.`paid` AS `paid`
FROM `_read` WHERE `reason` IS NULL;

CREATE TEMPORARY VIEW `_marked` AS SELECT *,
  MAX(`at`) OVER (
    PARTITION BY `topic`, `partition` ORDER BY `_now`
    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
  ) - 5000 AS `_watermark`,
  first_seen(`id`, `at`, CAST(605000 AS BIGINT)) OVER (
    PARTITION BY `topic`, `partition` ORDER BY `_now`
    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
  ) AS `_is_first`
FROM `_events`;

CREATE TEMPORARY VIEW `_rows` AS SELECT *
FROM `_marked` WHERE `_is_first`;

CREATE TEMPORARY TABLE `quick` (
  `window_start` BIGINT NOT NULL,
  `window_end` BIGINT NOT NULL,
  `shop` STRING,
  `guest` STRING,
  `paid` DECIMAL(18, 6),
  `partition` STRING,
  `offset` BIGINT,
  `_key_guest` STRING NOT NULL,
  `_null_guest` BOOLEAN NOT NULL,
  `_key_paid` DECIMAL(18, 6) NOT NULL,
  `_null_paid` BOOLEAN NOT NULL,
  `is_first` BIGINT,
  `is_then` BIGINT,
  PRIMARY KEY (`window_start`, `shop`, `_key_guest`, `_null_guest`, `_key_paid`, `_null_paid`, `partition`, `offset`) NOT ENFORCED
) WITH (
  'connector' = 'upsert-kafka',
  'topic' = 'visits.quick',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.transaction.timeout.ms' = '900000',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'visits.quick',
  'key.format' = 'json',
  'key.json.encode.decimal-as-plain-number' = 'true',
  'value.format' = 'json',
  'value.json.encode.decimal-as-plain-number' = 'true',
  'value.fields-include' = 'ALL'
);

CREATE TEMPORARY TABLE `unsold` (
  `window_start` BIGINT NOT NULL,
  `window_end` BIGINT NOT NULL,
  `shop` STRING,
  `guest` STRING,
  `partition` STRING,
  `offset` BIGINT,
  `_key_guest` STRING NOT NULL,
  `_null_guest` BOOLEAN NOT NULL,
  `is_first` BIGINT,
  `is_then` BIGINT,
  PRIMARY KEY (`window_start`, `shop`, `_key_guest`, `_null_guest`, `partition`, `offset`) NOT ENFORCED
) WITH (
  'connector' = 'upsert-kafka',
  'topic' = 'visits.unsold',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.transaction.timeout.ms' = '900000',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'visits.unsold',
  'key.format' = 'json',
  'key.json.encode.decimal-as-plain-number' = 'true',
  'value.format' = 'json',
  'value.json.encode.decimal-as-plain-number' = 'true',
  'value.fields-include' = 'ALL'
);

CREATE TEMPORARY TABLE `quick_alerts` (
  `window_start` BIGINT NOT NULL,
  `window_end` BIGINT NOT NULL,
  `shop` STRING,
  `guest` STRING,
  `first_partition` STRING,
  `first_offset` BIGINT,
  `then_partition` STRING NOT NULL,
  `then_offset` BIGINT NOT NULL,
  PRIMARY KEY (`then_partition`, `then_offset`) NOT ENFORCED
) WITH (
  'connector' = 'upsert-kafka',
  'topic' = 'visits.quick_alerts',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.transaction.timeout.ms' = '900000',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'visits.quick_alerts',
  'key.format' = 'json',
  'key.json.encode.decimal-as-plain-number' = 'true',
  'value.format' = 'json',
  'value.json.encode.decimal-as-plain-number' = 'true',
  'value.fields-include' = 'ALL'
);

CREATE TEMPORARY TABLE `unsold_alerts` (
  `window_start` BIGINT NOT NULL,
  `window_end` BIGINT NOT NULL,
  `shop` STRING,
  `guest` STRING,
  `first_partition` STRING NOT NULL,
  `first_offset` BIGINT NOT NULL,
  PRIMARY KEY (`first_partition`, `first_offset`) NOT ENFORCED
) WITH (
  'connector' = 'upsert-kafka',
  'topic' = 'visits.unsold_alerts',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.transaction.timeout.ms' = '900000',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'visits.unsold_alerts',
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
  'topic' = 'visits.late_events',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.transaction.timeout.ms' = '900000',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'visits.late_events',
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
  'topic' = 'visits.dead_letters',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.transaction.timeout.ms' = '900000',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'visits.dead_letters',
  'format' = 'json',
  'json.encode.decimal-as-plain-number' = 'true'
);

CREATE TEMPORARY VIEW `_taken_quick` AS SELECT
  `at` - MOD(MOD(`at`, 1) + 1, 1) AS `window_start`,
  COALESCE(`guest`, '') AS `_key_guest`,
  `guest` IS NULL AS `_null_guest`,
  COALESCE(`paid`, CAST(0 AS DECIMAL(18, 6))) AS `_key_paid`,
  `paid` IS NULL AS `_null_paid`,
  `at`,
  `kind`,
  `shop`,
  `guest`,
  `paid`,
  CONCAT(`topic`, '/', CAST(`partition` AS STRING)) AS `partition`,
  `offset`
FROM `_rows` WHERE (((`kind` = 'see') OR (`kind` = 'buy')) AND (NOT (`shop` IS NULL)) AND (NOT (`guest` IS NULL))) AND (`at` - MOD(MOD(`at`, 1) + 1, 1) + 1 - 1 > `_watermark`);

CREATE TEMPORARY VIEW `_taken_unsold` AS SELECT
  `at` - MOD(MOD(`at`, 1) + 1, 1) AS `window_start`,
  COALESCE(`guest`, '') AS `_key_guest`,
  `guest` IS NULL AS `_null_guest`,
  `at`,
  `kind`,
  `shop`,
  `guest`,
  CONCAT(`topic`, '/', CAST(`partition` AS STRING)) AS `partition`,
  `offset`
FROM `_rows` WHERE (((`kind` = 'see') OR (`kind` = 'buy')) AND (NOT (`shop` IS NULL)) AND (NOT (`guest` IS NULL))) AND (`at` - MOD(MOD(`at`, 1) + 1, 1) + 1 - 1 > `_watermark`);

CREATE TEMPORARY VIEW `_first_quick` AS SELECT `at`, `shop`, `guest`, `paid`, `partition`, `offset`
FROM `_taken_quick` WHERE `kind` = 'see';

CREATE TEMPORARY VIEW `_then_quick` AS SELECT `at`, `shop`, `guest`, `paid`, `partition`, `offset`
FROM `_taken_quick` WHERE `kind` = 'buy';

CREATE TEMPORARY VIEW `_first_unsold` AS SELECT `at`, `shop`, `guest`, `partition`, `offset`
FROM `_taken_unsold` WHERE `kind` = 'see';

CREATE TEMPORARY VIEW `_then_unsold` AS SELECT `at`, `shop`, `guest`, `partition`, `offset`
FROM `_taken_unsold` WHERE `kind` = 'buy';

EXECUTE STATEMENT SET BEGIN
INSERT INTO `quick` SELECT /*+ STATE_TTL('quick' = '172809000 ms') */
  `window_start`,
  `window_start` + 1 AS `window_end`,
  `shop`,
  CASE WHEN `_null_guest` THEN CAST(NULL AS STRING) ELSE `_key_guest` END AS `guest`,
  CASE WHEN `_null_paid` THEN CAST(NULL AS DECIMAL(18, 6)) ELSE `_key_paid` END AS `paid`,
  `partition`,
  `offset`,
  `_key_guest`,
  `_null_guest`,
  `_key_paid`,
  `_null_paid`,
  COUNT(*) FILTER (WHERE `kind` = 'see') AS `is_first`,
  COUNT(*) FILTER (WHERE `kind` = 'buy') AS `is_then`
FROM `_taken_quick` AS `quick` GROUP BY `window_start`, `shop`, `_key_guest`, `_null_guest`, `_key_paid`, `_null_paid`, `partition`, `offset`;
INSERT INTO `unsold` SELECT /*+ STATE_TTL('unsold' = '172814000 ms') */
  `window_start`,
  `window_start` + 1 AS `window_end`,
  `shop`,
  CASE WHEN `_null_guest` THEN CAST(NULL AS STRING) ELSE `_key_guest` END AS `guest`,
  `partition`,
  `offset`,
  `_key_guest`,
  `_null_guest`,
  COUNT(*) FILTER (WHERE `kind` = 'see') AS `is_first`,
  COUNT(*) FILTER (WHERE `kind` = 'buy') AS `is_then`
FROM `_taken_unsold` AS `unsold` GROUP BY `window_start`, `shop`, `_key_guest`, `_null_guest`, `partition`, `offset`;
INSERT INTO `quick_alerts` SELECT
  CAST(CAST(SUBSTRING(`_nearest`, 1, 20) AS DECIMAL(20, 0)) - CAST('9223372036854775808' AS DECIMAL(20, 0)) AS BIGINT),
  `at` + 1,
  `shop`,
  `guest`,
  SUBSTRING(`_nearest`, 21, CHAR_LENGTH(`_nearest`) - 40),
  CAST(SUBSTRING(`_nearest`, CHAR_LENGTH(`_nearest`) - 18, 19) AS BIGINT),
  `partition`,
  `offset`
FROM (
SELECT /*+ STATE_TTL('quick_alerts' = '172809000 ms') */ FIRST_VALUE(`at`) AS `at`, FIRST_VALUE(`shop`) AS `shop`, FIRST_VALUE(`guest`) AS `guest`, `partition`, `offset`, MAX(`_nearest`) AS `_nearest`
FROM (
SELECT /*+ STATE_TTL('_first' = '172809000 ms', '_then' = '172809000 ms') */ `_then`.`at`, `_then`.`shop`, `_then`.`guest`, `_then`.`partition`, `_then`.`offset`, LPAD(CAST(CAST(`_first`.`at` AS DECIMAL(20, 0)) + CAST('9223372036854775808' AS DECIMAL(20, 0)) AS STRING), 20, '0') || `_first`.`partition` || ' ' || LPAD(CAST(`_first`.`offset` AS STRING), 19, '0') AS `_nearest`
FROM `_then_quick` AS `_then` JOIN `_first_quick` AS `_first`
ON `_first`.`shop` = `_then`.`shop` AND `_first`.`guest` = `_then`.`guest` AND `_first`.`at` BETWEEN `_then`.`at` - 3999 AND `_then`.`at` AND (`_first`.`offset` <> `_then`.`offset` OR `_first`.`partition` <> `_then`.`partition`) AND ((`_then`.`paid` >= `_first`.`paid`) OR (`_first`.`paid` IS NULL))
) AS `quick_alerts` GROUP BY `partition`, `offset`
);
INSERT INTO `unsold_alerts` SELECT
  `at`,
  `at` + 9000,
  `shop`,
  `guest`,
  `partition`,
  `offset`
FROM (
SELECT /*+ STATE_TTL('unsold_alerts' = '172814000 ms') */ FIRST_VALUE(`at`) AS `at`, FIRST_VALUE(`shop`) AS `shop`, FIRST_VALUE(`guest`) AS `guest`, `partition`, `offset`, MAX(`_met`) AS `_met`
FROM (
SELECT `at`, `shop`, `guest`, `partition`, `offset`, 0 AS `_met` FROM `_first_unsold`
UNION ALL
SELECT /*+ STATE_TTL('_first' = '172814000 ms', '_then' = '172814000 ms') */ `_first`.`at`, `_first`.`shop`, `_first`.`guest`, `_first`.`partition`, `_first`.`offset`, 1 AS `_met`
FROM `_first_unsold` AS `_first` JOIN `_then_unsold` AS `_then`
ON `_first`.`shop` = `_then`.`shop` AND `_first`.`guest` = `_then`.`guest` AND `_first`.`at` BETWEEN `_then`.`at` - 8999 AND `_then`.`at` AND (`_first`.`offset` <> `_then`.`offset` OR `_first`.`partition` <> `_then`.`partition`)
) AS `unsold_alerts` GROUP BY `partition`, `offset`
) WHERE `_met` = 0;
INSERT INTO `late_events`
SELECT CAST('quick' AS STRING) AS `rollup`, `topic`, `partition`, `offset`,
  `at` AS `event_time`, `_watermark` AS `watermark`, `_watermark` - (`at` - MOD(MOD(`at`, 1) + 1, 1) + 1 - 1) AS `late_by_ms`
FROM `_rows` WHERE (((`kind` = 'see') OR (`kind` = 'buy')) AND (NOT (`shop` IS NULL)) AND (NOT (`guest` IS NULL))) AND (`at` - MOD(MOD(`at`, 1) + 1, 1) + 1 - 1 <= `_watermark`)
UNION ALL
SELECT CAST('unsold' AS STRING) AS `rollup`, `topic`, `partition`, `offset`,
  `at` AS `event_time`, `_watermark` AS `watermark`, `_watermark` - (`at` - MOD(MOD(`at`, 1) + 1, 1) + 1 - 1) AS `late_by_ms`
FROM `_rows` WHERE (((`kind` = 'see') OR (`kind` = 'buy')) AND (NOT (`shop` IS NULL)) AND (NOT (`guest` IS NULL))) AND (`at` - MOD(MOD(`at`, 1) + 1, 1) + 1 - 1 <= `_watermark`);
INSERT INTO `dead_letters` SELECT
  `topic`, `partition`, `offset`, `record_timestamp`, `_value` AS `value`, `reason`, `field`
FROM `_read` WHERE `reason` IS NOT NULL;
END;
