-- title: How much of what merchants took they gave back, highest rate first
-- pipeline: payments
-- view: merchant_5m
-- parameter: minutes integer = 60 (how many minutes, the running one included)
-- parameter: least integer = 1 (only merchants with so many payments)
-- range: last $minutes minutes
-- limit: 20

SELECT
  "merchant.id" AS merchant,
  sum(payments)::BIGINT AS payments,
  sum(refunds)::BIGINT AS refunds,
  round(100.0 * sum(refunds) / nullif(sum(payments), 0), 3) AS refund_percent,
  sum(revenue) AS revenue,
  sum(refunded) AS refunded
FROM merchant_5m
WHERE window_start >= $start AND window_start < $end
GROUP BY merchant
HAVING sum(payments) >= $least
ORDER BY refund_percent DESC, refunds DESC, merchant
LIMIT $limit
