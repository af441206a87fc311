{{ config(materialized='view') }}

-- Every event with the visit it belongs to.
select
  sessions.session_id,
  events.*
from {{ ref('stg_live_events') }} as events
inner join {{ ref('fct_sessions') }} as sessions
  on events.viewer_id = sessions.viewer_id
  and events.event_time between sessions.session_start and sessions.session_end
