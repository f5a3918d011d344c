-- title: Visits of a card: payments without a pause of more than 20 minutes, the open ones first
-- pipeline: payments
-- view: card_visits
-- parameter: card text (like card-07)
-- parameter: hours integer = 24 (how many hours back a visit may start, the running one included)
-- range: last $hours hours
-- limit: 20

SELECT NOT is_final AS is_open, window_start AS first_payment, payments, spent, merchants, countries
FROM card_visits
WHERE window_start >= $start AND window_start < $end AND card_id = $card
ORDER BY is_open DESC, first_payment DESC
LIMIT $limit
