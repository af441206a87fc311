{# BigQuery's incremental models: `merge`, `insert_overwrite` and `microbatch`, each one atomic statement at its core. #}

{% macro bigquery__default_incremental_strategy(unique_key) -%}{{ return('merge') }}{%- endmacro %}

{% macro bigquery_validate_strategy(strategy) %}
  {%- if strategy not in ['merge', 'insert_overwrite', 'microbatch'] -%}
    {% do exceptions.raise_compiler_error("Invalid incremental strategy provided: " ~ strategy ~ "\nExpected one of: 'merge', 'insert_overwrite', 'microbatch'") %}
  {%- endif -%}
  {%- if strategy in ['insert_overwrite', 'microbatch'] and not config.get('partition_by') -%}
    {% do exceptions.raise_compiler_error("The '" ~ strategy ~ "' strategy requires the `partition_by` config.") %}
  {%- endif -%}
{% endmacro %}

{% materialization incremental, adapter='bigquery' %}
  {%- set existing = load_cached_relation(this) -%}
  {%- set target_relation = this.incorporate(type='table') -%}
  {%- set unique_key = config.get('unique_key') -%}
  {%- set partition = adapter.parse_partition_by(config.get('partition_by')) -%}
  {%- set strategy = config.get('incremental_strategy') or default_incremental_strategy(unique_key) -%}
  {%- set on_schema_change = incremental_validate_on_schema_change(config.get('on_schema_change'), default='ignore') -%}
  {% do bigquery_validate_strategy(strategy) %}

  {{ run_hooks(pre_hooks, inside_transaction=False) }}
  {{ run_hooks(pre_hooks, inside_transaction=True) }}

  {%- if existing is none or not existing.is_table or should_full_refresh() -%}
    {%- if existing is not none and (not existing.is_table or not adapter.is_replaceable(existing, partition, config.get('cluster_by'))) -%}
      {% do adapter.drop_relation(existing) %}
    {%- endif -%}
    {% call statement('main') -%}
      {{ get_create_table_as_sql(False, target_relation, sql) }}
    {%- endcall %}
  {%- else -%}
    {%- if config.get('contract', {}).enforced -%}{{ get_assert_columns_equivalent(sql) }}{%- endif -%}
    {#- Columns are compared with a table; overwriting reads the new rows twice. Else the query itself is the source. -#}
    {%- set staged = on_schema_change != 'ignore' or (strategy != 'merge' and not config.get('partitions')) or (partition and partition.copy_partitions) -%}
    {%- set temp_relation = make_temp_relation(target_relation) -%}
    {%- if staged -%}
      {% call statement('create_temp') -%}
        {{ bigquery__create_table_as(True, temp_relation, sql) }}
      {%- endcall %}
      {%- set source = temp_relation -%}
    {%- else -%}
      {%- set source = '(\n' ~ sql ~ '\n)' -%}
    {%- endif -%}
    {%- set dest_columns = (process_schema_changes(on_schema_change, temp_relation, existing) if staged else none) or adapter.get_columns_in_relation(existing) -%}
    {%- if strategy == 'merge' -%}
      {% call statement('main') -%}
        {{ get_merge_sql(target_relation, source, unique_key, dest_columns, config.get('predicates') or config.get('incremental_predicates')) }}
      {%- endcall %}
    {#- An embedded database has no partitions to copy: the same rows are replaced by a MERGE. -#}
    {%- elif partition.copy_partitions and target.method != 'local' -%}
      {% do bigquery_copy_partitions(temp_relation, target_relation, partition) %}
    {%- else -%}
      {% call statement('main') -%}
        {{ get_insert_overwrite_merge_sql(target_relation, source, dest_columns, config.get('predicates') or config.get('incremental_predicates')) }}
      {%- endcall %}
    {%- endif -%}
    {%- if staged -%}{% do adapter.drop_relation(temp_relation) %}{%- endif -%}
  {%- endif -%}

  {% do persist_docs(target_relation, model) %}
  {{ run_hooks(post_hooks, inside_transaction=True) }}
  {{ run_hooks(post_hooks, inside_transaction=False) }}
  {% do apply_grants(target_relation, config.get('grants')) %}
  {% do adapter.commit() %}
  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{# Replaces the partitions that the new rows belong to, or those that `partitions` lists: one MERGE that is atomic. #}
{% macro bigquery__get_insert_overwrite_merge_sql(target, source, dest_columns, predicates, include_sql_header=false) -%}
  {%- set columns = get_quoted_csv(dest_columns | map(attribute='name')) -%}
  {%- set partition = adapter.parse_partition_by(config.get('partition_by')) -%}
  {%- set partitions = config.get('partitions') -%}
  {%- set conditions = [] + (predicates or []) -%}
  {%- if not partitions %}
  declare dbt_partitions_for_replacement array<{{ partition.data_type | lower }}>;
  set dbt_partitions_for_replacement = (
    select array_agg(distinct {{ bigquery_partition_value(partition) }}) from {{ source }} where {{ partition.field }} is not null
  );
  {%- do conditions.append(bigquery_partition_value(partition, 'DBT_INTERNAL_DEST') ~ ' in unnest(dbt_partitions_for_replacement)') -%}
  {%- else -%}
  {%- do conditions.append(bigquery_partition_value(partition, 'DBT_INTERNAL_DEST') ~ ' in (' ~ (partitions | join(', ')) ~ ')') -%}
  {%- endif %}
  merge into {{ target }} as DBT_INTERNAL_DEST
  using {{ source }} as DBT_INTERNAL_SOURCE
  on FALSE
  when not matched by source and {{ conditions | join(' and ') }} then delete
  when not matched then insert ({{ columns }}) values ({{ insert_values(dest_columns) }})
{%- endmacro %}

{# Copies whole partitions over those of the target by copy jobs, which cost nothing. #}
{% macro bigquery_copy_partitions(source, target, partition) %}
  {%- set formats = {'hour': '%Y%m%d%H', 'day': '%Y%m%d', 'month': '%Y%m', 'year': '%Y'} -%}
  {%- set value = bigquery_partition_value(partition) -%}
  {%- if partition.data_type | lower == 'int64' -%}
    {%- set text = 'cast(' ~ value ~ ' as string)' -%}
  {%- else -%}
    {%- set text = 'format_' ~ (partition.data_type | lower) ~ "('" ~ formats[partition.granularity | lower] ~ "', " ~ value ~ ')' -%}
  {%- endif -%}
  {%- set found = run_query('select distinct ' ~ text ~ ' as partition_id from ' ~ source ~ ' where ' ~ partition.field ~ ' is not null order by 1') -%}
  {%- for id in found.columns[0].values() -%}
    {% do adapter.copy_table(
      source.incorporate(path={'identifier': source.identifier ~ '$' ~ id}),
      target.incorporate(path={'identifier': target.identifier ~ '$' ~ id}),
      'table') %}
  {%- endfor -%}
  {{ noop_statement('main', message='COPY ' ~ (found.columns[0].values() | length) ~ ' partitions', code='COPY') }}
{% endmacro %}
