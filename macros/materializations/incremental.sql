{# A table that grows: built whole the first time, then changed by a strategy. #}

{% macro is_incremental() %}
  {% if not execute %}{{ return(False) }}{% endif %}
  {% set relation = load_relation(this) %}
  {{ return(relation is not none and relation.type == 'table' and model.config.materialized == 'incremental' and not should_full_refresh()) }}
{% endmacro %}

{% macro incremental_validate_on_schema_change(on_schema_change, default='ignore') %}
  {% if on_schema_change not in ['sync_all_columns', 'append_new_columns', 'fail', 'ignore'] %}
    {% do log('Invalid value for on_schema_change (' ~ on_schema_change ~ ') specified. Setting default value of ' ~ default ~ '.') %}
    {{ return(default) }}
  {% endif %}
  {{ return(on_schema_change) }}
{% endmacro %}

{% materialization incremental, default %}
  {%- set existing = load_cached_relation(this) -%}
  {%- set target_relation = this.incorporate(type='table') -%}
  {%- set unique_key = config.get('unique_key') -%}
  {%- set on_schema_change = incremental_validate_on_schema_change(config.get('on_schema_change'), default='ignore') -%}

  {{ run_hooks(pre_hooks, inside_transaction=False) }}
  {{ run_hooks(pre_hooks, inside_transaction=True) }}

  {%- if existing is none or existing.is_view or should_full_refresh() -%}
    {%- if existing is not none and (not existing.is_table or replaces_by_drop()) -%}{% do adapter.drop_relation(existing) %}{%- endif -%}
    {% call statement('main') -%}
      {{ get_create_table_as_sql(False, target_relation, sql) }}
    {%- endcall %}
  {%- else -%}
    {%- set temp_relation = make_temp_relation(target_relation) -%}
    {% call statement('create_temp') -%}
      {{ create_incremental_source(temp_relation, sql) }}
    {%- endcall %}
    {%- if config.get('contract', {}).enforced -%}{{ get_assert_columns_equivalent(sql) }}{%- endif -%}
    {%- set dest_columns = process_schema_changes(on_schema_change, temp_relation, existing) or adapter.get_columns_in_relation(existing) -%}
    {%- set strategy = config.get('incremental_strategy') or default_incremental_strategy(unique_key) -%}
    {%- set strategy_macro = get_incremental_strategy_macro(context, strategy) -%}
    {% call statement('main') -%}
      {{ strategy_macro({
        'target_relation': target_relation, 'temp_relation': temp_relation, 'unique_key': unique_key, 'dest_columns': dest_columns,
        'incremental_predicates': config.get('predicates') or config.get('incremental_predicates')
      }) }}
    {%- endcall %}
    {% do adapter.drop_relation(temp_relation) %}
  {%- endif -%}

  {% do persist_docs(target_relation, model) %}
  {{ run_hooks(post_hooks, inside_transaction=True) }}
  {% do apply_grants(target_relation, config.get('grants')) %}
  {% do adapter.commit() %}
  {{ run_hooks(post_hooks, inside_transaction=False) }}
  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{# The new rows, in a table beside the target; it is dropped at the end. #}
{% macro create_incremental_source(relation, sql) -%}
  create or replace table {{ relation }} as (
    {{ sql }}
  )
{%- endmacro %}

{% macro default_incremental_strategy(unique_key) -%}{{ return(adapter.dispatch('default_incremental_strategy', 'dbt')(unique_key)) }}{%- endmacro %}
{% macro default__default_incremental_strategy(unique_key) -%}{{ return('delete+insert' if unique_key else 'append') }}{%- endmacro %}

{% macro get_incremental_strategy_macro(context, strategy) %}
  {% set name = 'get_incremental_' ~ (strategy | replace('+', '_')) ~ '_sql' %}
  {% set found = context.get(name) %}
  {% if not found %}
    {% do exceptions.raise_compiler_error("The incremental strategy '" ~ strategy ~ "' is not valid for this adapter: there is no macro '" ~ name ~ "'") %}
  {% endif %}
  {{ return(found) }}
{% endmacro %}

{% macro process_schema_changes(on_schema_change, source_relation, target_relation) %}
  {% if on_schema_change == 'ignore' %}{{ return([]) }}{% endif %}
  {% set source_columns = adapter.get_columns_in_relation(source_relation) %}
  {% set target_columns = adapter.get_columns_in_relation(target_relation) %}
  {% set added = diff_columns(source_columns, target_columns) %}
  {% set removed = diff_columns(target_columns, source_columns) %}
  {% set retyped = diff_column_data_types(source_columns, target_columns) %}
  {% if added or removed or retyped %}
    {% if on_schema_change == 'fail' %}
      {% do exceptions.raise_compiler_error("The source and target schemas on this incremental model are out of sync!\nThey can be reconciled in several ways:\n  - set the `on_schema_change` config to either append_new_columns or sync_all_columns\n  - Re-run the incremental model with `full_refresh: True` to update the target schema.\n\nAdditional troubleshooting context:\n   Source columns not in target: " ~ (added | map(attribute='name') | list) ~ "\n   Target columns not in source: " ~ (removed | map(attribute='name') | list) ~ "\n   New column types: " ~ retyped) %}
    {% elif on_schema_change == 'append_new_columns' %}
      {% do alter_relation_add_remove_columns(target_relation, added, none) %}
    {% else %}
      {% do alter_relation_add_remove_columns(target_relation, added, removed) %}
      {% for change in retyped %}{% do alter_column_type(target_relation, change.column_name, change.new_type) %}{% endfor %}
    {% endif %}
  {% endif %}
  {{ return(source_columns) }}
{% endmacro %}
