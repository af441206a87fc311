-- How many different viewers did something in a minute, by stream.
select
  timestamp_trunc(event_time, minute) as minute,
  stream_id,
  count(distinct viewer_id) as viewers,
  count(*) as events
from {{ ref('stg_live_events') }}
where viewer_id is not null
group by 1, 2
