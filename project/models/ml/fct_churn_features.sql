-- What was known of a viewer at the cut-off, and whether the viewer came back after it.
-- The cut-off lies `churn_days` back. A history too short to show anybody lost or anybody back is cut later: at the half, a
-- quarter, ... of that time.
{% set minutes = var('churn_days') * 24 * 60 %}
with viewers as (
  select viewer_id, min(session_start) as first_start, max(session_start) as last_start
  from {{ ref('fct_sessions') }}
  group by viewer_id
),

cutoffs as (
  select timestamp_sub((select max(session_end) from {{ ref('fct_sessions') }}), interval back minute) as cutoff
  from unnest([
    {%- for halved in [1, 2, 4, 8, 16, 32, 64, 128] %}{{ minutes // halved }}{{ ', ' if not loop.last }}{% endfor -%}
  ]) as back
),

as_of as (
  select cutoffs.cutoff
  from cutoffs
  left join viewers on viewers.first_start <= cutoffs.cutoff
  group by cutoffs.cutoff
  order by
    countif(viewers.last_start <= cutoffs.cutoff) > 0 and countif(viewers.last_start > cutoffs.cutoff) > 0 desc,
    cutoffs.cutoff
  limit 1
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
