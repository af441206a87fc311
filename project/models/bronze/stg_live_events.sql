-- One row per event, typed, cleaned of repeated deliveries.
with raw_events as (
  {% if var('use_sample_events') %}
  select
    to_hex(md5(concat(
      stream_id, '|', ifnull(viewer_id, ''), '|', cast(unix_micros(event_time) as string), '|', event_type, '|', ifnull(product_id, '')
    ))) as event_id,
    *
  from {{ ref('live_events_sample') }}
  {% else %}
  select * from {{ source('live_shopping_raw', 'live_events') }}
  {% endif %}
)
select
  event_id,
  stream_id,
  streamer_name,
  stream_start_time,
  nullif(trim(viewer_id), '') as viewer_id,
  lower(viewer_email) as viewer_email,
  upper(viewer_state) as viewer_state,
  lower(device_type) as device_type,
  event_time,
  event_type,
  product_id,
  product_name,
  chat_message
from raw_events
where event_id is not null and event_time is not null
qualify row_number() over (partition by event_id order by event_time, event_type) = 1
