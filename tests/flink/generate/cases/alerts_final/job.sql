-- Pipeline visits: made by `tidemill flink generate`; change the pipeline file, not this one.

SET 'pipeline.name' = 'tidemill-visits';

SET 'execution.runtime-mode' = 'streaming';

SET 'table.local-time-zone' = 'UTC';

SET 'pipeline.object-reuse' = 'true';

SET 'parallelism.default' = '1';

SET 'table.exec.state.ttl' = '0 ms';

SET 'execution.checkpointing.mode' = 'EXACTLY_ONCE';

SET 'execution.checkpointing.interval' = '10000 ms';

SET 'table.exec.source.idle-timeout' = '0 ms';

CREATE TEMPORARY FUNCTION `strict_event` AS 'tidemill.contract.StrictEvent';

CREATE TEMPORARY FUNCTION `first_seen` AS 'tidemill.contract.FirstSeen';

CREATE TEMPORARY TABLE `_records` (
  `topic` STRING METADATA VIRTUAL,
  `partition` INT METADATA VIRTUAL,
  `offset` BIGINT METADATA VIRTUAL,
  `_timestamp` TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL,
  `_timestamp_type` STRING METADATA FROM 'timestamp-type' VIRTUAL,
  `_value` BYTES,
  `_now` AS PROCTIME(),
  `_ts` AS TO_TIMESTAMP_LTZ(COALESCE(strict_event('"id" str length 1 40, "at" time_ms range 0 4102444799999, "kind" str in ("see" "buy" "leave"), "shop" str in ("north" "south" "west"), "guest" str null absent null in ("ann" "bob" "cem"), "paid" money null absent null', `_value`).`at`, CAST(0 AS BIGINT)), 3),
  WATERMARK FOR `_ts` AS `_ts` - INTERVAL '0 00:00:09.000' DAY(3) TO SECOND(3)
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
  strict_event('"id" str length 1 40, "at" time_ms range 0 4102444799999, "kind" str in ("see" "buy" "leave"), "shop" str in ("north" "south" "west"), "guest" str null absent null in ("ann" "bob" "cem"), "paid" money null absent null', `_value`) AS `_event`
FROM `_records`;

CREATE TEMPORARY VIEW `_read` AS SELECT `topic`, `partition`, `offset`, `record_timestamp`, `_value`, `_now`, `_ts`, `_event`,
  `_event`.`reason` AS `reason`,
  `_event`.`field` AS `field`
FROM `_judged`;

CREATE TEMPORARY VIEW `_events` AS SELECT `topic`, `partition`, `offset`, `_now`, `_ts`,
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

CREATE TEMPORARY TABLE `hopped` (
  `window_start` BIGINT NOT NULL,
  `window_end` BIGINT NOT NULL,
  `guest` STRING,
  `n` BIGINT
) WITH (
  'connector' = 'kafka',
  'topic' = 'visits.hopped',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.transaction.timeout.ms' = '900000',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'visits.hopped',
  'format' = 'json',
  'json.encode.decimal-as-plain-number' = 'true'
);

CREATE TEMPORARY TABLE `spent` (
  `window_start` BIGINT NOT NULL,
  `window_end` BIGINT NOT NULL,
  `shop` STRING,
  `paid` DECIMAL(38, 6),
  `n` BIGINT
) WITH (
  'connector' = 'kafka',
  'topic' = 'visits.spent',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.transaction.timeout.ms' = '900000',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'visits.spent',
  'format' = 'json',
  'json.encode.decimal-as-plain-number' = 'true'
);

CREATE TEMPORARY TABLE `crowded` (
  `window_start` BIGINT NOT NULL,
  `window_end` BIGINT NOT NULL,
  `shop` STRING,
  `distinct_count` BIGINT
) WITH (
  'connector' = 'kafka',
  'topic' = 'visits.crowded',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.transaction.timeout.ms' = '900000',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'visits.crowded',
  'format' = 'json',
  'json.encode.decimal-as-plain-number' = 'true'
);

CREATE TEMPORARY TABLE `quick` (
  `window_start` BIGINT NOT NULL,
  `window_end` BIGINT NOT NULL,
  `shop` STRING,
  `guest` STRING,
  `paid` DECIMAL(18, 6),
  `partition` STRING,
  `offset` BIGINT,
  `is_first` BIGINT,
  `is_then` BIGINT
) WITH (
  'connector' = 'kafka',
  'topic' = 'visits.quick',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.transaction.timeout.ms' = '900000',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'visits.quick',
  'format' = 'json',
  'json.encode.decimal-as-plain-number' = 'true'
);

CREATE TEMPORARY TABLE `again` (
  `window_start` BIGINT NOT NULL,
  `window_end` BIGINT NOT NULL,
  `shop` STRING,
  `guest` STRING,
  `partition` STRING,
  `offset` BIGINT,
  `is_first` BIGINT,
  `is_then` BIGINT
) WITH (
  'connector' = 'kafka',
  'topic' = 'visits.again',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.transaction.timeout.ms' = '900000',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'visits.again',
  'format' = 'json',
  'json.encode.decimal-as-plain-number' = 'true'
);

CREATE TEMPORARY TABLE `unsold` (
  `window_start` BIGINT NOT NULL,
  `window_end` BIGINT NOT NULL,
  `shop` STRING,
  `guest` STRING,
  `partition` STRING,
  `offset` BIGINT,
  `is_first` BIGINT,
  `is_then` BIGINT
) WITH (
  'connector' = 'kafka',
  'topic' = 'visits.unsold',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.transaction.timeout.ms' = '900000',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'visits.unsold',
  'format' = 'json',
  'json.encode.decimal-as-plain-number' = 'true'
);

CREATE TEMPORARY TABLE `unseen` (
  `window_start` BIGINT NOT NULL,
  `window_end` BIGINT NOT NULL,
  `shop` STRING,
  `guest` STRING,
  `paid` DECIMAL(18, 6),
  `partition` STRING,
  `offset` BIGINT,
  `is_first` BIGINT,
  `is_then` BIGINT
) WITH (
  'connector' = 'kafka',
  'topic' = 'visits.unseen',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.transaction.timeout.ms' = '900000',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'visits.unseen',
  'format' = 'json',
  'json.encode.decimal-as-plain-number' = 'true'
);

CREATE TEMPORARY TABLE `busy_alerts` (
  `window_start` BIGINT NOT NULL,
  `window_end` BIGINT NOT NULL,
  `guest` STRING
) WITH (
  'connector' = 'kafka',
  'topic' = 'visits.busy_alerts',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.transaction.timeout.ms' = '900000',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'visits.busy_alerts',
  'format' = 'json',
  'json.encode.decimal-as-plain-number' = 'true'
);

CREATE TEMPORARY TABLE `spent_alerts` (
  `window_start` BIGINT NOT NULL,
  `window_end` BIGINT NOT NULL,
  `shop` STRING
) WITH (
  'connector' = 'kafka',
  'topic' = 'visits.spent_alerts',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.transaction.timeout.ms' = '900000',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'visits.spent_alerts',
  'format' = 'json',
  'json.encode.decimal-as-plain-number' = 'true'
);

CREATE TEMPORARY TABLE `crowded_alerts` (
  `window_start` BIGINT NOT NULL,
  `window_end` BIGINT NOT NULL,
  `shop` STRING
) WITH (
  'connector' = 'kafka',
  'topic' = 'visits.crowded_alerts',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.transaction.timeout.ms' = '900000',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'visits.crowded_alerts',
  'format' = 'json',
  'json.encode.decimal-as-plain-number' = 'true'
);

CREATE TEMPORARY TABLE `quick_alerts` (
  `window_start` BIGINT NOT NULL,
  `window_end` BIGINT NOT NULL,
  `shop` STRING,
  `guest` STRING,
  `first_partition` STRING,
  `first_offset` BIGINT,
  `then_partition` STRING NOT NULL,
  `then_offset` BIGINT NOT NULL
) WITH (
  'connector' = 'kafka',
  'topic' = 'visits.quick_alerts',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.transaction.timeout.ms' = '900000',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'visits.quick_alerts',
  'format' = 'json',
  'json.encode.decimal-as-plain-number' = 'true'
);

CREATE TEMPORARY TABLE `again_alerts` (
  `window_start` BIGINT NOT NULL,
  `window_end` BIGINT NOT NULL,
  `shop` STRING,
  `first_partition` STRING,
  `first_offset` BIGINT,
  `then_partition` STRING NOT NULL,
  `then_offset` BIGINT NOT NULL
) WITH (
  'connector' = 'kafka',
  'topic' = 'visits.again_alerts',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.transaction.timeout.ms' = '900000',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'visits.again_alerts',
  'format' = 'json',
  'json.encode.decimal-as-plain-number' = 'true'
);

CREATE TEMPORARY TABLE `unsold_alerts` (
  `window_start` BIGINT NOT NULL,
  `window_end` BIGINT NOT NULL,
  `shop` STRING,
  `guest` STRING,
  `first_partition` STRING NOT NULL,
  `first_offset` BIGINT NOT NULL
) WITH (
  'connector' = 'kafka',
  'topic' = 'visits.unsold_alerts',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.transaction.timeout.ms' = '900000',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'visits.unsold_alerts',
  'format' = 'json',
  'json.encode.decimal-as-plain-number' = 'true'
);

CREATE TEMPORARY TABLE `unseen_alerts` (
  `window_start` BIGINT NOT NULL,
  `window_end` BIGINT NOT NULL,
  `shop` STRING,
  `guest` STRING,
  `then_partition` STRING NOT NULL,
  `then_offset` BIGINT NOT NULL
) WITH (
  'connector' = 'kafka',
  'topic' = 'visits.unseen_alerts',
  'properties.bootstrap.servers' = '127.0.0.1:9092',
  'properties.transaction.timeout.ms' = '900000',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'visits.unseen_alerts',
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

CREATE TEMPORARY VIEW `_taken_hopped` AS SELECT `_ts`, `guest`, `_watermark`
FROM `_rows`;

CREATE TEMPORARY VIEW `_taken_spent` AS SELECT `_ts`, `shop`, `paid`
FROM `_rows` WHERE (`at` - MOD(MOD(`at`, 30000) + 30000, 30000) + 30000 + 2999 > `_watermark`);

CREATE TEMPORARY VIEW `_taken_crowded` AS SELECT `_ts`, `shop`, `guest`
FROM `_rows` WHERE (`at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 - 1 > `_watermark`);

CREATE TEMPORARY VIEW `_taken_quick` AS SELECT `_ts`, `at`, `kind`, `shop`, `guest`, `paid`, CONCAT(`topic`, '/', CAST(`partition` AS STRING)) AS `partition`, `offset`
FROM `_rows` WHERE (((`kind` = 'see') OR (`kind` = 'buy')) AND (NOT (`shop` IS NULL)) AND (NOT (`guest` IS NULL))) AND (`at` - MOD(MOD(`at`, 1) + 1, 1) + 1 - 1 > `_watermark`);

CREATE TEMPORARY VIEW `_taken_again` AS SELECT `_ts`, `at`, `kind`, `shop`, `guest`, CONCAT(`topic`, '/', CAST(`partition` AS STRING)) AS `partition`, `offset`
FROM `_rows` WHERE (((`kind` <> 'leave') OR (`kind` <> 'see')) AND (NOT (`shop` IS NULL))) AND (`at` - MOD(MOD(`at`, 1) + 1, 1) + 1 + 3999 > `_watermark`);

CREATE TEMPORARY VIEW `_taken_unsold` AS SELECT `_ts`, `at`, `kind`, `shop`, `guest`, CONCAT(`topic`, '/', CAST(`partition` AS STRING)) AS `partition`, `offset`
FROM `_rows` WHERE (((`kind` = 'see') OR (`kind` = 'buy')) AND (NOT (`shop` IS NULL)) AND (NOT (`guest` IS NULL))) AND (`at` - MOD(MOD(`at`, 1) + 1, 1) + 1 - 1 > `_watermark`);

CREATE TEMPORARY VIEW `_taken_unseen` AS SELECT `_ts`, `at`, `kind`, `shop`, `guest`, `paid`, CONCAT(`topic`, '/', CAST(`partition` AS STRING)) AS `partition`, `offset`
FROM `_rows` WHERE (((`kind` = 'see') OR (`kind` = 'buy')) AND (NOT (`shop` IS NULL)) AND (NOT (`guest` IS NULL))) AND (`at` - MOD(MOD(`at`, 1) + 1, 1) + 1 - 1 > `_watermark`);

CREATE TEMPORARY VIEW `_first_quick` AS SELECT `_ts`, `at`, `shop`, `guest`, `paid`, `partition`, `offset`
FROM `_taken_quick` WHERE `kind` = 'see';

CREATE TEMPORARY VIEW `_then_quick` AS SELECT `_ts`, `at`, `shop`, `guest`, `paid`, `partition`, `offset`
FROM `_taken_quick` WHERE `kind` = 'buy';

CREATE TEMPORARY VIEW `_pairs_quick` AS SELECT `_then`.`_ts`, `_then`.`at`, `_then`.`shop`, `_then`.`guest`, `_then`.`partition`, `_then`.`offset`, LPAD(CAST(CAST(`_first`.`at` AS DECIMAL(20, 0)) + CAST('9223372036854775808' AS DECIMAL(20, 0)) AS STRING), 20, '0') || `_first`.`partition` || ' ' || LPAD(CAST(`_first`.`offset` AS STRING), 19, '0') AS `_nearest`
FROM `_then_quick` AS `_then` JOIN `_first_quick` AS `_first`
ON `_first`.`shop` = `_then`.`shop` AND `_first`.`guest` = `_then`.`guest` AND `_first`.`_ts` BETWEEN `_then`.`_ts` - INTERVAL '0 00:00:03.999' DAY(3) TO SECOND(3) AND `_then`.`_ts` AND (`_first`.`offset` <> `_then`.`offset` OR `_first`.`partition` <> `_then`.`partition`) AND ((`_then`.`paid` >= `_first`.`paid`) OR (`_first`.`paid` IS NULL));

CREATE TEMPORARY VIEW `_first_again` AS SELECT `_ts`, `at`, `shop`, `guest`, `partition`, `offset`
FROM `_taken_again` WHERE `kind` <> 'leave';

CREATE TEMPORARY VIEW `_then_again` AS SELECT `_ts`, `at`, `shop`, `guest`, `partition`, `offset`
FROM `_taken_again` WHERE `kind` <> 'see';

CREATE TEMPORARY VIEW `_pairs_again` AS SELECT `_then`.`_ts`, `_then`.`at`, `_then`.`shop`, `_then`.`partition`, `_then`.`offset`, LPAD(CAST(CAST(`_first`.`at` AS DECIMAL(20, 0)) + CAST('9223372036854775808' AS DECIMAL(20, 0)) AS STRING), 20, '0') || `_first`.`partition` || ' ' || LPAD(CAST(`_first`.`offset` AS STRING), 19, '0') AS `_nearest`
FROM `_then_again` AS `_then` JOIN `_first_again` AS `_first`
ON `_first`.`shop` = `_then`.`shop` AND `_first`.`_ts` BETWEEN `_then`.`_ts` - INTERVAL '0 00:00:01.999' DAY(3) TO SECOND(3) AND `_then`.`_ts` AND (`_first`.`offset` <> `_then`.`offset` OR `_first`.`partition` <> `_then`.`partition`) AND ((`_then`.`guest` <> `_first`.`guest`) AND (`_then`.`at` > `_first`.`at`));

CREATE TEMPORARY VIEW `_first_unsold` AS SELECT `_ts`, `at`, `shop`, `guest`, `partition`, `offset`
FROM `_taken_unsold` WHERE `kind` = 'see';

CREATE TEMPORARY VIEW `_then_unsold` AS SELECT `_ts`, `at`, `shop`, `guest`, `partition`, `offset`
FROM `_taken_unsold` WHERE `kind` = 'buy';

CREATE TEMPORARY VIEW `_first_unseen` AS SELECT `_ts`, `at`, `shop`, `guest`, `paid`, `partition`, `offset`
FROM `_taken_unseen` WHERE `kind` = 'see';

CREATE TEMPORARY VIEW `_then_unseen` AS SELECT `_ts`, `at`, `shop`, `guest`, `paid`, `partition`, `offset`
FROM `_taken_unseen` WHERE `kind` = 'buy';

EXECUTE STATEMENT SET BEGIN
INSERT INTO `hopped` SELECT
  EXTRACT(EPOCH FROM `window_start`) * 1000 + MOD(EXTRACT(MILLISECOND FROM `window_start`), 1000) AS `window_start`,
  EXTRACT(EPOCH FROM `window_end`) * 1000 + MOD(EXTRACT(MILLISECOND FROM `window_end`), 1000) AS `window_end`,
  `guest`,
  COUNT(*) AS `n`
FROM TABLE(HOP(TABLE `_taken_hopped`, DESCRIPTOR(`_ts`), INTERVAL '0 00:00:05.000' DAY(3) TO SECOND(3), INTERVAL '0 00:00:15.000' DAY(3) TO SECOND(3)))
WHERE `window_end` > CAST(TO_TIMESTAMP_LTZ(`_watermark` + 1, 3) AS TIMESTAMP(3))
GROUP BY `window_start`, `window_end`, `guest`;
INSERT INTO `spent` SELECT
  EXTRACT(EPOCH FROM `window_start`) * 1000 + MOD(EXTRACT(MILLISECOND FROM `window_start`), 1000) AS `window_start`,
  EXTRACT(EPOCH FROM `window_end`) * 1000 + MOD(EXTRACT(MILLISECOND FROM `window_end`), 1000) AS `window_end`,
  `shop`,
  SUM(`paid`) AS `paid`,
  COUNT(*) AS `n`
FROM TABLE(TUMBLE(TABLE `_taken_spent`, DESCRIPTOR(`_ts`), INTERVAL '0 00:00:30.000' DAY(3) TO SECOND(3)))
GROUP BY `window_start`, `window_end`, `shop`;
INSERT INTO `crowded` SELECT
  EXTRACT(EPOCH FROM `window_start`) * 1000 + MOD(EXTRACT(MILLISECOND FROM `window_start`), 1000) AS `window_start`,
  EXTRACT(EPOCH FROM `window_end`) * 1000 + MOD(EXTRACT(MILLISECOND FROM `window_end`), 1000) AS `window_end`,
  `shop`,
  COUNT(DISTINCT `guest`) AS `distinct_count`
FROM TABLE(TUMBLE(TABLE `_taken_crowded`, DESCRIPTOR(`_ts`), INTERVAL '0 00:00:10.000' DAY(3) TO SECOND(3)))
GROUP BY `window_start`, `window_end`, `shop`;
INSERT INTO `quick` SELECT
  EXTRACT(EPOCH FROM `window_start`) * 1000 + MOD(EXTRACT(MILLISECOND FROM `window_start`), 1000) AS `window_start`,
  EXTRACT(EPOCH FROM `window_end`) * 1000 + MOD(EXTRACT(MILLISECOND FROM `window_end`), 1000) AS `window_end`,
  `shop`,
  `guest`,
  `paid`,
  `partition`,
  `offset`,
  COUNT(*) FILTER (WHERE `kind` = 'see') AS `is_first`,
  COUNT(*) FILTER (WHERE `kind` = 'buy') AS `is_then`
FROM TABLE(TUMBLE(TABLE `_taken_quick`, DESCRIPTOR(`_ts`), INTERVAL '0 00:00:00.001' DAY(3) TO SECOND(3)))
GROUP BY `window_start`, `window_end`, `shop`, `guest`, `paid`, `partition`, `offset`;
INSERT INTO `again` SELECT
  EXTRACT(EPOCH FROM `window_start`) * 1000 + MOD(EXTRACT(MILLISECOND FROM `window_start`), 1000) AS `window_start`,
  EXTRACT(EPOCH FROM `window_end`) * 1000 + MOD(EXTRACT(MILLISECOND FROM `window_end`), 1000) AS `window_end`,
  `shop`,
  `guest`,
  `partition`,
  `offset`,
  COUNT(*) FILTER (WHERE `kind` <> 'leave') AS `is_first`,
  COUNT(*) FILTER (WHERE `kind` <> 'see') AS `is_then`
FROM TABLE(TUMBLE(TABLE `_taken_again`, DESCRIPTOR(`_ts`), INTERVAL '0 00:00:00.001' DAY(3) TO SECOND(3)))
GROUP BY `window_start`, `window_end`, `shop`, `guest`, `partition`, `offset`;
INSERT INTO `unsold` SELECT
  EXTRACT(EPOCH FROM `window_start`) * 1000 + MOD(EXTRACT(MILLISECOND FROM `window_start`), 1000) AS `window_start`,
  EXTRACT(EPOCH FROM `window_end`) * 1000 + MOD(EXTRACT(MILLISECOND FROM `window_end`), 1000) AS `window_end`,
  `shop`,
  `guest`,
  `partition`,
  `offset`,
  COUNT(*) FILTER (WHERE `kind` = 'see') AS `is_first`,
  COUNT(*) FILTER (WHERE `kind` = 'buy') AS `is_then`
FROM TABLE(TUMBLE(TABLE `_taken_unsold`, DESCRIPTOR(`_ts`), INTERVAL '0 00:00:00.001' DAY(3) TO SECOND(3)))
GROUP BY `window_start`, `window_end`, `shop`, `guest`, `partition`, `offset`;
INSERT INTO `unseen` SELECT
  EXTRACT(EPOCH FROM `window_start`) * 1000 + MOD(EXTRACT(MILLISECOND FROM `window_start`), 1000) AS `window_start`,
  EXTRACT(EPOCH FROM `window_end`) * 1000 + MOD(EXTRACT(MILLISECOND FROM `window_end`), 1000) AS `window_end`,
  `shop`,
  `guest`,
  `paid`,
  `partition`,
  `offset`,
  COUNT(*) FILTER (WHERE `kind` = 'see') AS `is_first`,
  COUNT(*) FILTER (WHERE `kind` = 'buy') AS `is_then`
FROM TABLE(TUMBLE(TABLE `_taken_unseen`, DESCRIPTOR(`_ts`), INTERVAL '0 00:00:00.001' DAY(3) TO SECOND(3)))
GROUP BY `window_start`, `window_end`, `shop`, `guest`, `paid`, `partition`, `offset`;
INSERT INTO `busy_alerts` SELECT `window_start`, `window_end`, `guest` FROM (
SELECT
  EXTRACT(EPOCH FROM `window_start`) * 1000 + MOD(EXTRACT(MILLISECOND FROM `window_start`), 1000) AS `window_start`,
  EXTRACT(EPOCH FROM `window_end`) * 1000 + MOD(EXTRACT(MILLISECOND FROM `window_end`), 1000) AS `window_end`,
  `guest`,
  COUNT(*) AS `n`
FROM TABLE(HOP(TABLE `_taken_hopped`, DESCRIPTOR(`_ts`), INTERVAL '0 00:00:05.000' DAY(3) TO SECOND(3), INTERVAL '0 00:00:15.000' DAY(3) TO SECOND(3)))
WHERE `window_end` > CAST(TO_TIMESTAMP_LTZ(`_watermark` + 1, 3) AS TIMESTAMP(3))
GROUP BY `window_start`, `window_end`, `guest`
) WHERE (`n` > 3) AND (`guest` <> 'bob');
INSERT INTO `spent_alerts` SELECT `window_start`, `window_end`, `shop` FROM (
SELECT
  EXTRACT(EPOCH FROM `window_start`) * 1000 + MOD(EXTRACT(MILLISECOND FROM `window_start`), 1000) AS `window_start`,
  EXTRACT(EPOCH FROM `window_end`) * 1000 + MOD(EXTRACT(MILLISECOND FROM `window_end`), 1000) AS `window_end`,
  `shop`,
  SUM(`paid`) AS `paid`
FROM TABLE(TUMBLE(TABLE `_taken_spent`, DESCRIPTOR(`_ts`), INTERVAL '0 00:00:30.000' DAY(3) TO SECOND(3)))
GROUP BY `window_start`, `window_end`, `shop`
) WHERE (`paid` > 1000) OR (`paid` IS NULL);
INSERT INTO `crowded_alerts` SELECT `window_start`, `window_end`, `shop` FROM (
SELECT
  EXTRACT(EPOCH FROM `window_start`) * 1000 + MOD(EXTRACT(MILLISECOND FROM `window_start`), 1000) AS `window_start`,
  EXTRACT(EPOCH FROM `window_end`) * 1000 + MOD(EXTRACT(MILLISECOND FROM `window_end`), 1000) AS `window_end`,
  `shop`,
  COUNT(DISTINCT `guest`) AS `distinct_count`
FROM TABLE(TUMBLE(TABLE `_taken_crowded`, DESCRIPTOR(`_ts`), INTERVAL '0 00:00:10.000' DAY(3) TO SECOND(3)))
GROUP BY `window_start`, `window_end`, `shop`
) WHERE `distinct_count` > 1;
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
SELECT `at`, `shop`, `guest`, `partition`, `offset`, MAX(`_nearest`) AS `_nearest`
FROM TABLE(TUMBLE(TABLE `_pairs_quick`, DESCRIPTOR(`_ts`), INTERVAL '0 00:00:00.001' DAY(3) TO SECOND(3))) GROUP BY window_start, window_end, `at`, `shop`, `guest`, `partition`, `offset`
);
INSERT INTO `again_alerts` SELECT
  CAST(CAST(SUBSTRING(`_nearest`, 1, 20) AS DECIMAL(20, 0)) - CAST('9223372036854775808' AS DECIMAL(20, 0)) AS BIGINT),
  `at` + 1,
  `shop`,
  SUBSTRING(`_nearest`, 21, CHAR_LENGTH(`_nearest`) - 40),
  CAST(SUBSTRING(`_nearest`, CHAR_LENGTH(`_nearest`) - 18, 19) AS BIGINT),
  `partition`,
  `offset`
FROM (
SELECT `at`, `shop`, `partition`, `offset`, MAX(`_nearest`) AS `_nearest`
FROM TABLE(TUMBLE(TABLE `_pairs_again`, DESCRIPTOR(`_ts`), INTERVAL '0 00:00:00.001' DAY(3) TO SECOND(3))) GROUP BY window_start, window_end, `at`, `shop`, `partition`, `offset`
);
INSERT INTO `unsold_alerts` SELECT
  `_first`.`at`,
  `_first`.`at` + 9000,
  `_first`.`shop`,
  `_first`.`guest`,
  `_first`.`partition`,
  `_first`.`offset`
FROM `_first_unsold` AS `_first` LEFT JOIN `_then_unsold` AS `_then`
ON `_first`.`shop` = `_then`.`shop` AND `_first`.`guest` = `_then`.`guest` AND `_first`.`_ts` BETWEEN `_then`.`_ts` - INTERVAL '0 00:00:08.999' DAY(3) TO SECOND(3) AND `_then`.`_ts` AND (`_first`.`offset` <> `_then`.`offset` OR `_first`.`partition` <> `_then`.`partition`)
WHERE `_then`.`offset` IS NULL;
INSERT INTO `unseen_alerts` SELECT
  `_then`.`at` - 8999,
  `_then`.`at` + 1,
  `_then`.`shop`,
  `_then`.`guest`,
  `_then`.`partition`,
  `_then`.`offset`
FROM `_then_unseen` AS `_then` LEFT JOIN `_first_unseen` AS `_first`
ON `_first`.`shop` = `_then`.`shop` AND `_first`.`guest` = `_then`.`guest` AND `_first`.`_ts` BETWEEN `_then`.`_ts` - INTERVAL '0 00:00:08.999' DAY(3) TO SECOND(3) AND `_then`.`_ts` AND (`_first`.`offset` <> `_then`.`offset` OR `_first`.`partition` <> `_then`.`partition`) AND (NOT (`_first`.`paid` IS NULL))
WHERE `_first`.`offset` IS NULL;
INSERT INTO `late_events`
SELECT CAST('hopped' AS STRING) AS `rollup`, `topic`, `partition`, `offset`,
  `at` AS `event_time`, `_watermark` AS `watermark`, `_watermark` - (`at` - MOD(MOD(`at`, 5000) + 5000, 5000) + 15000 - 1) AS `late_by_ms`
FROM `_rows` WHERE (`at` - MOD(MOD(`at`, 5000) + 5000, 5000) + 15000 - 1 <= `_watermark`)
UNION ALL
SELECT CAST('spent' AS STRING) AS `rollup`, `topic`, `partition`, `offset`,
  `at` AS `event_time`, `_watermark` AS `watermark`, `_watermark` - (`at` - MOD(MOD(`at`, 30000) + 30000, 30000) + 30000 + 2999) AS `late_by_ms`
FROM `_rows` WHERE (`at` - MOD(MOD(`at`, 30000) + 30000, 30000) + 30000 + 2999 <= `_watermark`)
UNION ALL
SELECT CAST('crowded' AS STRING) AS `rollup`, `topic`, `partition`, `offset`,
  `at` AS `event_time`, `_watermark` AS `watermark`, `_watermark` - (`at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 - 1) AS `late_by_ms`
FROM `_rows` WHERE (`at` - MOD(MOD(`at`, 10000) + 10000, 10000) + 10000 - 1 <= `_watermark`)
UNION ALL
SELECT CAST('quick' AS STRING) AS `rollup`, `topic`, `partition`, `offset`,
  `at` AS `event_time`, `_watermark` AS `watermark`, `_watermark` - (`at` - MOD(MOD(`at`, 1) + 1, 1) + 1 - 1) AS `late_by_ms`
FROM `_rows` WHERE (((`kind` = 'see') OR (`kind` = 'buy')) AND (NOT (`shop` IS NULL)) AND (NOT (`guest` IS NULL))) AND (`at` - MOD(MOD(`at`, 1) + 1, 1) + 1 - 1 <= `_watermark`)
UNION ALL
SELECT CAST('again' AS STRING) AS `rollup`, `topic`, `partition`, `offset`,
  `at` AS `event_time`, `_watermark` AS `watermark`, `_watermark` - (`at` - MOD(MOD(`at`, 1) + 1, 1) + 1 + 3999) AS `late_by_ms`
FROM `_rows` WHERE (((`kind` <> 'leave') OR (`kind` <> 'see')) AND (NOT (`shop` IS NULL))) AND (`at` - MOD(MOD(`at`, 1) + 1, 1) + 1 + 3999 <= `_watermark`)
UNION ALL
SELECT CAST('unsold' AS STRING) AS `rollup`, `topic`, `partition`, `offset`,
  `at` AS `event_time`, `_watermark` AS `watermark`, `_watermark` - (`at` - MOD(MOD(`at`, 1) + 1, 1) + 1 - 1) AS `late_by_ms`
FROM `_rows` WHERE (((`kind` = 'see') OR (`kind` = 'buy')) AND (NOT (`shop` IS NULL)) AND (NOT (`guest` IS NULL))) AND (`at` - MOD(MOD(`at`, 1) + 1, 1) + 1 - 1 <= `_watermark`)
UNION ALL
SELECT CAST('unseen' AS STRING) AS `rollup`, `topic`, `partition`, `offset`,
  `at` AS `event_time`, `_watermark` AS `watermark`, `_watermark` - (`at` - MOD(MOD(`at`, 1) + 1, 1) + 1 - 1) AS `late_by_ms`
FROM `_rows` WHERE (((`kind` = 'see') OR (`kind` = 'buy')) AND (NOT (`shop` IS NULL)) AND (NOT (`guest` IS NULL))) AND (`at` - MOD(MOD(`at`, 1) + 1, 1) + 1 - 1 <= `_watermark`);
INSERT INTO `dead_letters` SELECT
  `topic`, `partition`, `offset`, `record_timestamp`, `_value` AS `value`, `reason`, `field`
FROM `_read` WHERE `reason` IS NOT NULL;
END;
