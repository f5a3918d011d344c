-- title: Chargebacks and values per country and brand over whole hours, newest first
-- pipeline: payments
-- view: country_1h
-- parameter: hours integer = 1 (how many hours back an hour may start, the running one included)
-- parameter: country text = none (only this one, like NL)
-- range: last $hours hours
-- limit: 50

SELECT
  "merchant.country" AS country,
  brand,
  window_start AS hour_from,
  payments,
  chargebacks,
  round(100.0 * chargebacks / nullif(payments, 0), 2) AS chargeback_percent,
  round(mean_value, 2) AS mean_value,
  round(median_value, 2) AS median_value,
  cards
FROM country_1h
WHERE window_start >= $start AND window_start < $end AND ($country IS NULL OR "merchant.country" = $country)
ORDER BY hour_from DESC, country, brand
LIMIT $limit
