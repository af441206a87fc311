-- 0 to 100: points for what a viewer does and for staying, with diminishing returns.
with points as (
  select
    session_id,
    viewer_id,
    1.0 * product_view_count
      + 2.0 * product_click_count
      + 2.0 * chat_count
      + 4.0 * add_to_cart_count
      + 6.0 * checkout_count
      + 10.0 * orders_placed
      + least(duration_seconds / 60, 30) / 3 as engagement_points
  from {{ ref('fct_sessions') }}
)

select
  session_id,
  viewer_id,
  engagement_points,
  round(100 * (1 - exp(-engagement_points / 20)), 1) as engagement_score
from points
