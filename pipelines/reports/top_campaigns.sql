-- title: What each campaign brought on one day, highest revenue first
-- pipeline: ads
-- view: campaign_1m
-- parameter: day date = today (today, yesterday or YYYY-MM-DD, in UTC)
-- range: day $day
-- limit: 10

SELECT
  campaign_id,
  sum(impressions)::BIGINT AS impressions,
  sum(clicks)::BIGINT AS clicks,
  sum(conversions)::BIGINT AS conversions,
  sum(spend) AS spend,
  sum(revenue) AS revenue,
  round(100.0 * sum(clicks) / nullif(sum(impressions), 0), 3) AS click_percent
FROM campaign_1m
WHERE window_start >= $start AND window_start < $end
GROUP BY campaign_id
ORDER BY revenue DESC NULLS LAST, clicks DESC, campaign_id NULLS LAST
LIMIT $limit
