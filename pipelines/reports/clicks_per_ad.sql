-- title: Clicks and spend per ad in the last minutes, most clicked first
-- pipeline: ads
-- view: ad_clicks_1m
-- parameter: minutes integer = 5 (how many minutes, the running one included)
-- range: last $minutes minutes
-- limit: 20

SELECT ad_id, sum(clicks)::BIGINT AS clicks, sum(spend) AS spend
FROM ad_clicks_1m
WHERE window_start >= $start AND window_start < $end
GROUP BY ad_id
HAVING sum(clicks) > 0
ORDER BY clicks DESC, ad_id NULLS LAST
LIMIT $limit
