-- What was known of a viewer at the cut-off, and whether the viewer came back after it.
-- A history shorter than twice `churn_days` is cut in its middle: else nobody would be seen long enough to count as lost.
with as_of as (
  select
    timestamp_sub(
      max(session_end),
      interval least(
        {{ var('churn_days') }} * 24 * 60,
        div(timestamp_diff(max(session_end), min(session_start), minute), 2)
      ) minute
    ) as cutoff
  from {{ ref('fct_sessions') }}
),

later as (
  select distinct viewer_id
  from {{ ref('fct_sessions') }}
  cross join as_of
  where session_start > as_of.cutoff
)

select
  sessions.viewer_id,
  count(*) as session_count,
  sum(sessions.orders_placed) as order_count,
  sum(sessions.add_to_cart_count) as cart_count,
  avg(sessions.duration_seconds) as average_duration_seconds,
  timestamp_diff(any_value(as_of.cutoff), max(sessions.session_end), hour) as hours_since_last_visit,
  if(logical_or(later.viewer_id is not null), 0, 1) as churned
from {{ ref('fct_sessions') }} as sessions
cross join as_of
left join later on sessions.viewer_id = later.viewer_id
where sessions.session_start <= as_of.cutoff
group by sessions.viewer_id
