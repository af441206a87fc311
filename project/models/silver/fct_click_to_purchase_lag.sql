-- How long before an order its product was clicked for the last time in the same visit.
with orders as (
  select session_id, event_id, viewer_id, product_id, event_time
  from {{ ref('int_session_events') }}
  where event_type = 'order_completed'
),

clicks as (
  select session_id, product_id, event_time
  from {{ ref('int_session_events') }}
  where event_type = 'product_click'
)

select
  orders.event_id as order_event_id,
  orders.session_id,
  orders.viewer_id,
  orders.product_id,
  max(clicks.event_time) as click_time,
  orders.event_time as purchase_time,
  timestamp_diff(orders.event_time, max(clicks.event_time), second) as lag_seconds
from orders
inner join clicks
  on orders.session_id = clicks.session_id
  and orders.product_id = clicks.product_id
  and clicks.event_time <= orders.event_time
group by orders.event_id, orders.session_id, orders.viewer_id, orders.product_id, orders.event_time
