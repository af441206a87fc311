-- Two visits of one viewer are always further apart than the gap.
with ordered as (
  select
    viewer_id,
    session_start,
    lag(session_end) over (partition by viewer_id order by session_start) as previous_end
  from {{ ref('fct_sessions') }}
)
select *
from ordered
where timestamp_diff(session_start, previous_end, microsecond) <= {{ var('session_gap_minutes') }} * 60 * 1000000
