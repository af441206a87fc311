-- Features of a visit and the label `converted`. Only what happened before the first checkout counts, so that the
-- model cannot read the answer from the events that follow from it.
with first_checkout as (
  select session_id, min(event_time) as checkout_time
  from {{ ref('int_session_events') }}
  where event_type = 'checkout_started'
  group by session_id
),

before_checkout as (
  select
    events.session_id,
    countif(events.event_type = 'product_view') as views,
    countif(events.event_type = 'product_click') as clicks,
    countif(events.event_type = 'add_to_cart') as carts,
    countif(events.event_type = 'chat_message') as chats,
    count(distinct events.product_id) as distinct_products,
    timestamp_diff(max(events.event_time), min(events.event_time), second) as browsing_seconds
  from {{ ref('int_session_events') }} as events
  left join first_checkout on events.session_id = first_checkout.session_id
  where events.event_time < ifnull(first_checkout.checkout_time, timestamp '9999-01-01')
  group by events.session_id
)

select
  sessions.session_id,
  sessions.viewer_id,
  sessions.stream_id,
  sessions.session_start,
  sessions.device_type,
  sessions.viewer_state,
  extract(hour from sessions.session_start) as hour_of_day,
  ifnull(features.views, 0) as views,
  ifnull(features.clicks, 0) as clicks,
  ifnull(features.carts, 0) as carts,
  ifnull(features.chats, 0) as chats,
  ifnull(features.distinct_products, 0) as distinct_products,
  ifnull(features.browsing_seconds, 0) as browsing_seconds,
  if(sessions.orders_placed > 0, 1, 0) as converted
from {{ ref('fct_sessions') }} as sessions
left join before_checkout as features on sessions.session_id = features.session_id
