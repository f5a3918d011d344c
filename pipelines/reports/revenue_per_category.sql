-- title: Revenue per merchant category on one day, highest first
-- pipeline: payments
-- view: category_day
-- parameter: day date = today (today, yesterday or YYYY-MM-DD, in UTC)
-- range: day $day
-- limit: none

-- Of the windows that grow through a day, the last one holds all of it.
SELECT
  "merchant.category" AS category,
  payments,
  revenue,
  given_back,
  coalesce(revenue, 0) - coalesce(given_back, 0) AS net,
  unmatched AS refunds_without_payment
FROM category_day
WHERE window_start >= $start AND window_start < $end AND window_end = window_start + INTERVAL 1 DAY
ORDER BY revenue DESC NULLS LAST, category
LIMIT $limit
