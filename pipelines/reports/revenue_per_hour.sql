-- title: Revenue and events per hour, newest first
-- pipeline: ads
-- view: revenue_1h
-- parameter: hours integer = 24 (how many hours, the running one included)
-- range: last $hours hours
-- limit: none

SELECT window_start AS hour, revenue, events, is_final
FROM revenue_1h
WHERE window_start >= $start AND window_start < $end
ORDER BY hour DESC
LIMIT $limit
