-- title: How a category's day grew, hour by hour
-- pipeline: payments
-- view: category_day
-- parameter: category text (grocery, dining, travel or fuel)
-- parameter: day date = today (today, yesterday or YYYY-MM-DD, in UTC)
-- range: day $day
-- limit: none

SELECT window_end AS until, payments, revenue, given_back, is_final
FROM category_day
WHERE window_start >= $start AND window_start < $end AND "merchant.category" = $category
ORDER BY until
LIMIT $limit
