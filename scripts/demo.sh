#!/usr/bin/env bash
# simulate -> seed -> run -> test -> dashboard, on the bundled project. Running it again changes nothing.
set -euo pipefail
rsdbt=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
cd "$(dirname "$0")/../project"

step() { printf '\n\033[1m==> rsdbt %s\033[0m\n' "$*"; "$rsdbt" "$@"; }
[ -t 1 ] && [ -z "${NO_COLOR:-}" ] || step() { printf '\n==> rsdbt %s\n' "$*"; "$rsdbt" "$@"; }

step simulate --events 20000 --seed 42
step seed
step run
step test
step dashboard

printf '\nThe numbers behind it (kpi_overview):\n'
"$rsdbt" sql --target local <<'SQL'
select 'total sessions' as figure, cast(total_sessions as string) as value from `live_shopping.kpi_overview`
union all select 'unique viewers', cast(unique_viewers as string) from `live_shopping.kpi_overview`
union all select 'drop-off rate', concat(cast(drop_off_rate_percent as string), ' %') from `live_shopping.kpi_overview`
union all select 'conversion rate', concat(cast(conversion_rate_percent as string), ' %') from `live_shopping.kpi_overview`
union all select 'conversion probability', concat(cast(average_conversion_probability_percent as string), ' %') from `live_shopping.kpi_overview`
union all select 'session duration', concat(cast(average_session_duration_seconds as string), ' s') from `live_shopping.kpi_overview`
union all select 'click-to-purchase lag', concat(cast(average_click_to_purchase_lag_seconds as string), ' s') from `live_shopping.kpi_overview`
union all select 'engagement score', cast(average_engagement_score as string) from `live_shopping.kpi_overview`
union all select 'high-intent sessions', cast(high_intent_sessions as string) from `live_shopping.kpi_overview`
SQL
printf '\nOpen the dashboard: %s\n' "$PWD/target/dashboard.html"
