{# Type-2 history: every version of a row, with the time it was valid. #}

{% macro snapshot_hash_arguments(args) -%}{{ adapter.dispatch('snapshot_hash_arguments', 'dbt')(args) }}{%- endmacro %}
{% macro default__snapshot_hash_arguments(args) -%}
  md5({%- for arg in args -%}coalesce(cast({{ arg }} as {{ type_string() }}), '') {{ "|| '|' ||" if not loop.last }}{%- endfor -%})
{%- endmacro %}
{% macro bigquery__snapshot_hash_arguments(args) -%}
  to_hex(md5(concat({%- for arg in args -%}coalesce(cast({{ arg }} as string), ''){{ ", '|', " if not loop.last }}{%- endfor -%})))
{%- endmacro %}

{% macro get_snapshot_table_column_names() %}
  {% set names = {'dbt_valid_to': 'dbt_valid_to', 'dbt_valid_from': 'dbt_valid_from', 'dbt_scd_id': 'dbt_scd_id', 'dbt_updated_at': 'dbt_updated_at', 'dbt_is_deleted': 'dbt_is_deleted'} %}
  {% do names.update(config.get('snapshot_meta_column_names') or {}) %}
  {{ return(names) }}
{% endmacro %}

{# Keys as SQL text, one per column. #}
{% macro snapshot_keys(unique_key) -%}{{ return([unique_key] if unique_key is string else unique_key) }}{%- endmacro %}

{# When a row counts as changed, and the time of its version. #}
{% macro snapshot_strategy(existing, columns) %}
  {%- set names = get_snapshot_table_column_names() -%}
  {%- set strategy = config.get('strategy') -%}
  {%- set keys = snapshot_keys(config.get('unique_key')) -%}
  {%- if strategy == 'timestamp' -%}
    {%- set updated_at = config.require('updated_at') -%}
    {%- set changed = 'snapshotted.' ~ names.dbt_valid_from ~ ' < source_rows.' ~ updated_at -%}
  {%- elif strategy == 'check' -%}
    {%- set updated_at = config.get('updated_at') or snapshot_get_time() -%}
    {%- set check_cols = config.require('check_cols') -%}
    {%- set compared = columns if check_cols == 'all' else check_cols -%}
    {%- set parts = [] -%}
    {%- for column in compared -%}
      {%- do parts.append('(snapshotted.' ~ column ~ ' is distinct from source_rows.' ~ column ~ ')') -%}
    {%- endfor -%}
    {%- set changed = parts | join(' or ') if parts else 'false' -%}
  {%- else -%}
    {%- do exceptions.raise_compiler_error("Invalid snapshot strategy '" ~ strategy ~ "': use 'timestamp' or 'check'") -%}
  {%- endif -%}
  {{ return({'changed': changed, 'updated_at': updated_at, 'keys': keys, 'scd_id': snapshot_hash_arguments(keys + [updated_at])}) }}
{% endmacro %}

{% materialization snapshot, default %}
  {%- set target_relation = this.incorporate(type='table') -%}
  {%- set existing = load_cached_relation(this) -%}
  {%- set names = get_snapshot_table_column_names() -%}
  {%- set hard_deletes = adapter.get_hard_deletes_behavior(model.config) -%}
  {%- if not config.get('unique_key') -%}{% do exceptions.raise_compiler_error("Snapshot '" ~ model.name ~ "' needs a `unique_key`") %}{%- endif -%}

  {{ run_hooks(pre_hooks, inside_transaction=False) }}
  {{ run_hooks(pre_hooks, inside_transaction=True) }}
  {%- set source_columns = adapter.get_column_schema_from_query(sql) | map(attribute='name') | list -%}

  {%- if existing is none -%}
    {%- set strategy = snapshot_strategy(false, source_columns) -%}
    {% call statement('main') -%}
      create or replace table {{ target_relation }} as (
        select *,
          {{ strategy.scd_id }} as {{ names.dbt_scd_id }},
          {{ strategy.updated_at }} as {{ names.dbt_updated_at }},
          {{ strategy.updated_at }} as {{ names.dbt_valid_from }},
          {{ config.get('dbt_valid_to_current') or ('nullif(' ~ strategy.updated_at ~ ', ' ~ strategy.updated_at ~ ')') }} as {{ names.dbt_valid_to }}
          {%- if hard_deletes == 'new_record' %}, 'False' as {{ names.dbt_is_deleted }}{% endif %}
        from (
          {{ sql }}
        ) as snapshot_source
      )
    {%- endcall %}
  {%- else -%}
    {%- if not existing.is_table -%}{% do exceptions.relation_wrong_type(existing, 'table') %}{%- endif -%}
    {%- set staging = make_temp_relation(target_relation) -%}
    {% call statement() -%}
      create or replace table {{ staging }} as (
        {{ sql }}
      )
    {%- endcall %}
    {%- do alter_relation_add_remove_columns(existing, diff_columns(adapter.get_columns_in_relation(staging), adapter.get_columns_in_relation(existing)), none) -%}
    {%- set strategy = snapshot_strategy(true, source_columns) -%}
    {% call statement('main') -%}
      {{ snapshot_merge(existing, staging, strategy, source_columns, hard_deletes) }}
    {%- endcall %}
    {% do adapter.drop_relation(staging) %}
  {%- endif -%}

  {% do persist_docs(target_relation, model) %}
  {{ run_hooks(post_hooks, inside_transaction=True) }}
  {% do apply_grants(target_relation, config.get('grants')) %}
  {% do adapter.commit() %}
  {{ run_hooks(post_hooks, inside_transaction=False) }}
  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{# The table with its keys as columns: a key may be an expression. #}
{% macro snapshot_keyed(relation, keys) -%}
  (select keyed.* {%- for key in keys %}, {{ key }} as __dbt_key_{{ loop.index }}{% endfor %} from {{ relation }} as keyed)
{%- endmacro %}

{# Closes versions that changed or vanished, then adds the new ones. #}
{% macro snapshot_merge(target, staging, strategy, source_columns, hard_deletes) -%}
  {%- set names = get_snapshot_table_column_names() -%}
  {%- set to_current = config.get('dbt_valid_to_current') -%}
  {%- set is_current = ('(snapshotted.' ~ names.dbt_valid_to ~ ' = ' ~ to_current ~ ' or snapshotted.' ~ names.dbt_valid_to ~ ' is null)') if to_current else ('snapshotted.' ~ names.dbt_valid_to ~ ' is null') -%}
  {%- if hard_deletes == 'new_record' -%}{%- set is_current = is_current ~ ' and snapshotted.' ~ names.dbt_is_deleted ~ " = 'False'" -%}{%- endif -%}
  {%- set same = [] -%}
  {%- for key in strategy['keys'] -%}{%- do same.append('snapshotted.__dbt_key_' ~ loop.index ~ ' = source_rows.__dbt_key_' ~ loop.index) -%}{%- endfor -%}
  {%- set columns = get_quoted_csv(source_columns) -%}
  {%- set all_columns = columns ~ ', ' ~ names.dbt_scd_id ~ ', ' ~ names.dbt_updated_at ~ ', ' ~ names.dbt_valid_from ~ ', ' ~ names.dbt_valid_to ~ (', ' ~ names.dbt_is_deleted if hard_deletes == 'new_record' else '') -%}
  {%- if hard_deletes in ['invalidate', 'new_record'] %}
  create or replace table {{ make_temp_relation(staging, '_gone') }} as (
    select snapshotted.{{ names.dbt_scd_id }} as gone_id
    from {{ snapshot_keyed(target, strategy['keys']) }} as snapshotted
    where {{ is_current }} and not exists (
      select 1 from {{ snapshot_keyed(staging, strategy['keys']) }} as source_rows where {{ same | join(' and ') }}
    )
  );
  {%- if hard_deletes == 'new_record' %}
  insert into {{ target }} ({{ all_columns }})
  select {{ columns }}, {{ snapshot_hash_arguments([names.dbt_scd_id, snapshot_get_time()]) }}, {{ snapshot_get_time() }}, {{ snapshot_get_time() }}, {{ to_current or 'null' }}, 'True'
  from {{ target }} where {{ names.dbt_scd_id }} in (select gone_id from {{ make_temp_relation(staging, '_gone') }});
  {%- endif %}
  update {{ target }} set {{ names.dbt_valid_to }} = {{ snapshot_get_time() }}
  where {{ names.dbt_scd_id }} in (select gone_id from {{ make_temp_relation(staging, '_gone') }});
  drop table {{ make_temp_relation(staging, '_gone') }};
  {%- endif %}
  create or replace table {{ staging }} as (
    select source_rows.*, {{ strategy.updated_at }} as __version_from
    from {{ snapshot_keyed(staging, strategy['keys']) }} as source_rows
    where not exists (
      select 1 from {{ snapshot_keyed(target, strategy['keys']) }} as snapshotted
      where {{ same | join(' and ') }} and {{ is_current }} and not ({{ strategy.changed }})
    )
  );
  create or replace table {{ make_temp_relation(staging, '_closed') }} as (
    select snapshotted.{{ names.dbt_scd_id }} as closed_id, source_rows.__version_from as closed_at
    from {{ snapshot_keyed(target, strategy['keys']) }} as snapshotted
    inner join {{ staging }} as source_rows on {{ same | join(' and ') }}
    where {{ is_current }}
  );
  update {{ target }} as snapshotted set {{ names.dbt_valid_to }} = closed.closed_at
  from {{ make_temp_relation(staging, '_closed') }} as closed
  where snapshotted.{{ names.dbt_scd_id }} = closed.closed_id;
  drop table {{ make_temp_relation(staging, '_closed') }};
  insert into {{ target }} ({{ all_columns }})
  select {{ columns }}, {{ snapshot_hash_arguments(strategy['keys'] + ['__version_from']) }}, __version_from, __version_from, {{ to_current or 'null' }}{{ ", 'False'" if hard_deletes == 'new_record' }}
  from {{ staging }}
{%- endmacro %}
