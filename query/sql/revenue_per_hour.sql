-- Revenue and events per hour in [$start, $end), newest hour first.
SELECT window_start AS hour, revenue, events, is_final
FROM revenue_1h
WHERE window_start >= $start AND window_start < $end
ORDER BY hour DESC
LIMIT $limit
