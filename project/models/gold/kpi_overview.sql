-- The numbers at the top of the dashboard, over all visits.
select
  count(*) as total_sessions,
  count(distinct viewer_id) as unique_viewers,
  round(100 * countif(dropped_out) / count(*), 2) as drop_off_rate_percent,
  round(avg(duration_seconds), 2) as average_session_duration_seconds,
  round(100 * countif(orders_placed > 0) / count(*), 2) as conversion_rate_percent,
  round(100 * avg(conversion_probability), 2) as average_conversion_probability_percent,
  round(avg(lag_seconds), 2) as average_click_to_purchase_lag_seconds,
  round(avg(engagement_score), 2) as average_engagement_score,
  countif(conversion_probability >= {{ var('high_intent_threshold') }}) as high_intent_sessions
from {{ ref('dashboard_sessions') }}
