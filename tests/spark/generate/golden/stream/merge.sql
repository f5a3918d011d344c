-- Pipeline visits: made by `tidemill spark generate`; change the pipeline file, not this one.

CREATE OR REPLACE TEMPORARY VIEW `tumbled` AS SELECT
  `shop`,
  `_start` AS `window_start`,
  `_end` AS `window_end`,
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
  SELECT *, `window_start` AS `_start`, `window_end` AS `_end` FROM `_delta_tumbled`
) GROUP BY `shop`, `_start`, `_end`;

CREATE OR REPLACE TEMPORARY VIEW `late_events` AS SELECT * FROM `_delta_late_events`;

CREATE OR REPLACE TEMPORARY VIEW `dead_letters` AS SELECT * FROM `_delta_dead_letters`;
