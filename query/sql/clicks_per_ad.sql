-- Clicks and spend per ad in [$start, $end), most clicked first.
SELECT ad_id, sum(clicks)::BIGINT AS clicks, sum(spend) AS spend
FROM ad_clicks_1m
WHERE window_start >= $start AND window_start < $end
GROUP BY ad_id
HAVING sum(clicks) > 0
ORDER BY clicks DESC, ad_id NULLS LAST
LIMIT $limit
