{{ config(
    materialized='incremental',
    incremental_strategy='insert_overwrite',
    partition_by={'field': 'session_date', 'data_type': 'date'},
    cluster_by=['viewer_id']
) }}

-- Visits: a viewer's events with no silence longer than the gap between them. Silence of exactly the gap does not end a visit.
-- An incremental run rebuilds the last two days of visits and reads one day more, so that visits over midnight stay whole.
{% set gap_seconds = var('session_gap_minutes') * 60 %}

with events as (
  select *
  from {{ ref('stg_live_events') }}
  where viewer_id is not null
  {% if is_incremental() %}
    and event_time >= timestamp(
      (select date_sub(coalesce(max(session_date), date '1970-01-04'), interval 2 day) from {{ this }})
    )
  {% endif %}
),

gaps as (
  select
    *,
    timestamp_diff(event_time, lag(event_time) over (viewer_order), microsecond) > {{ gap_seconds }} * 1000000 as after_silence
  from events
  window viewer_order as (partition by viewer_id order by event_time, event_id)
),

numbered as (
  select
    *,
    sum(if(after_silence, 1, 0)) over (
      partition by viewer_id order by event_time, event_id rows between unbounded preceding and current row
    ) as visit_number
  from gaps
),

sessions as (
  select
    viewer_id,
    min(event_time) as session_start,
    max(event_time) as session_end,
    array_agg(stream_id order by event_time, event_id limit 1)[offset(0)] as stream_id,
    array_agg(streamer_name order by event_time, event_id limit 1)[offset(0)] as streamer_name,
    array_agg(device_type order by event_time, event_id limit 1)[offset(0)] as device_type,
    array_agg(viewer_state order by event_time, event_id limit 1)[offset(0)] as viewer_state,
    count(*) as event_count,
    countif(event_type = 'product_view') as product_view_count,
    countif(event_type = 'product_click') as product_click_count,
    countif(event_type = 'add_to_cart') as add_to_cart_count,
    countif(event_type = 'checkout_started') as checkout_count,
    countif(event_type = 'order_completed') as orders_placed,
    countif(event_type = 'chat_message') as chat_count
  from numbered
  group by viewer_id, visit_number
)

select
  to_hex(md5(concat(viewer_id, '|', cast(unix_micros(session_start) as string)))) as session_id,
  date(session_start) as session_date,
  viewer_id,
  stream_id,
  streamer_name,
  device_type,
  viewer_state,
  session_start,
  session_end,
  timestamp_diff(session_end, session_start, second) as duration_seconds,
  event_count,
  product_view_count,
  product_click_count,
  add_to_cart_count,
  checkout_count,
  orders_placed,
  chat_count,
  orders_placed = 0 as dropped_out
from sessions
{% if is_incremental() %}
where date(session_start) >= (select date_sub(coalesce(max(session_date), date '1970-01-04'), interval 1 day) from {{ this }})
{% endif %}
