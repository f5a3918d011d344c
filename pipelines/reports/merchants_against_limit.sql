-- title: Largest merchants of the last days against their monthly limit
-- pipeline: payments
-- view: merchant_1d
-- parameter: days integer = 30 (how many days, today included)
-- parameter: region text = none (only merchants of this region)
-- range: last $days days
-- limit: 10

SELECT
  "merchant.id" AS merchant,
  max(name) AS name,
  sum(revenue) AS revenue,
  sum(tips) AS tips,
  max(cards) AS most_cards_a_day,
  max(monthly_limit) AS monthly_limit,
  round(100 * sum(revenue) / max(monthly_limit), 1) AS used_percent,
  coalesce(sum(revenue) > max(monthly_limit), false) AS is_over
FROM merchant_1d
WHERE window_start >= $start AND window_start < $end AND ($region IS NULL OR region = $region)
GROUP BY merchant
ORDER BY revenue DESC, merchant
LIMIT $limit
