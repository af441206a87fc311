-- Recency, frequency and monetary value of every viewer, each with a score from 1 (low) to 5 (high).
with as_of as (
  select date(max(event_time)) as last_day from {{ ref('stg_live_events') }}
),

visits as (
  select viewer_id, max(date(session_end)) as last_visit, count(*) as session_count
  from {{ ref('fct_sessions') }}
  group by viewer_id
),

orders as (
  select
    events.viewer_id,
    count(*) as order_count,
    sum(products.price) as revenue
  from {{ ref('stg_live_events') }} as events
  inner join {{ ref('products') }} as products on events.product_id = products.product_id
  where events.event_type = 'order_completed' and events.viewer_id is not null
  group by events.viewer_id
),

measures as (
  select
    visits.viewer_id,
    date_diff(as_of.last_day, visits.last_visit, day) as recency_days,
    ifnull(orders.order_count, 0) as frequency,
    ifnull(orders.revenue, numeric '0') as monetary,
    visits.session_count
  from visits
  cross join as_of
  left join orders on visits.viewer_id = orders.viewer_id
)

select
  *,
  ntile(5) over (order by recency_days desc, viewer_id) as recency_score,
  ntile(5) over (order by frequency, viewer_id) as frequency_score,
  ntile(5) over (order by monetary, viewer_id) as monetary_score
from measures
