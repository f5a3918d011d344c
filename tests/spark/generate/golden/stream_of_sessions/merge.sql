-- Pipeline visits: made by `tidemill spark generate`; change the pipeline file, not this one.

CREATE OR REPLACE TEMPORARY VIEW `of_shop` AS SELECT
  `shop`,
  MIN(`_start`) AS `window_start`,
  MAX(`_end`) AS `window_end`,
  SUM(`n`) AS `n`,
  SUM(`buys`) AS `buys`,
  SUM(`paid`) AS `paid`,
  SUM(`items`) AS `items`,
  MIN(`least`) AS `least`,
  MAX(`last`) AS `last`,
  CAST(SUM(`mean_items_sum`) AS DOUBLE) / SUM(`mean_items_count`) AS `mean_items`,
  CAST(SUM(`mean_paid_sum`) AS DOUBLE) / SUM(`mean_paid_count`) AS `mean_paid`,
  CAST(SIZE(ARRAY_DISTINCT(FLATTEN(COLLECT_LIST(`shops`)))) AS BIGINT) AS `shops`
FROM (
  SELECT *, SUM(`_apart`) OVER (PARTITION BY `shop` ORDER BY `_start`, `_end` ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS `_session` FROM (SELECT *, CASE WHEN `_start` <= MAX(`_end`) OVER (PARTITION BY `shop` ORDER BY `_start`, `_end` ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) THEN 0 ELSE 1 END AS `_apart` FROM (
  SELECT *, `window_start` AS `_start`, `window_end` AS `_end` FROM `_delta_of_shop`
  ))
) GROUP BY `shop`, `_session`;

CREATE OR REPLACE TEMPORARY VIEW `of_all` AS SELECT
  MIN(`_start`) AS `window_start`,
  MAX(`_end`) AS `window_end`,
  SUM(`n`) AS `n`,
  SUM(`buys`) AS `buys`,
  SUM(`paid`) AS `paid`,
  SUM(`items`) AS `items`,
  MIN(`least`) AS `least`,
  MAX(`last`) AS `last`,
  CAST(SUM(`mean_items_sum`) AS DOUBLE) / SUM(`mean_items_count`) AS `mean_items`,
  CAST(SUM(`mean_paid_sum`) AS DOUBLE) / SUM(`mean_paid_count`) AS `mean_paid`,
  CAST(SIZE(ARRAY_DISTINCT(FLATTEN(COLLECT_LIST(`shops`)))) AS BIGINT) AS `shops`
FROM (
  SELECT *, SUM(`_apart`) OVER (ORDER BY `_start`, `_end` ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS `_session` FROM (SELECT *, CASE WHEN `_start` <= MAX(`_end`) OVER (ORDER BY `_start`, `_end` ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) THEN 0 ELSE 1 END AS `_apart` FROM (
  SELECT *, `window_start` AS `_start`, `window_end` AS `_end` FROM `_delta_of_all`
  ))
) GROUP BY `_session`;

CREATE OR REPLACE TEMPORARY VIEW `late_events` AS SELECT * FROM `_delta_late_events`;

CREATE OR REPLACE TEMPORARY VIEW `dead_letters` AS SELECT * FROM `_delta_dead_letters`;
