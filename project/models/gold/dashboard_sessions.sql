-- One row per visit with everything the dashboard filters and counts.
select
  sessions.session_id,
  sessions.viewer_id,
  sessions.stream_id,
  sessions.streamer_name,
  sessions.device_type,
  sessions.viewer_state,
  sessions.session_start,
  sessions.duration_seconds,
  sessions.add_to_cart_count,
  sessions.orders_placed,
  sessions.dropped_out,
  conversions.conversion_probability,
  engagement.engagement_score,
  lags.lag_seconds,
  segments.segment
from {{ ref('fct_sessions') }} as sessions
left join {{ ref('predicted_conversions') }} as conversions on sessions.session_id = conversions.session_id
left join {{ ref('fct_engagement_score') }} as engagement on sessions.session_id = engagement.session_id
left join (
  select session_id, avg(lag_seconds) as lag_seconds from {{ ref('fct_click_to_purchase_lag') }} group by session_id
) as lags on sessions.session_id = lags.session_id
left join {{ ref('customer_segments_named') }} as segments on sessions.viewer_id = segments.viewer_id
