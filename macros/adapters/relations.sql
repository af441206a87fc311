{# Relations: finding, dropping, renaming; and the statements that create them. #}

{% macro load_cached_relation(relation) %}
  {% do return(adapter.get_relation(database=relation.database, schema=relation.schema, identifier=relation.identifier)) %}
{% endmacro %}

{% macro load_relation(relation) %}{{ return(load_cached_relation(relation)) }}{% endmacro %}

{% macro get_or_create_relation(database, schema, identifier, type) %}
  {% set found = adapter.get_relation(database=database, schema=schema, identifier=identifier) %}
  {% if found %}{% do return([true, found]) %}{% endif %}
  {% do return([false, api.Relation.create(database=database, schema=schema, identifier=identifier, type=type)]) %}
{% endmacro %}

{% macro make_temp_relation(base_relation, suffix='__dbt_tmp') %}
  {# Batches of one model run at once: each has a table of its own. #}
  {% set of_batch = '_' ~ model.batch.id if model and model.batch else '' %}
  {{ return(base_relation.incorporate(path={'identifier': base_relation.identifier ~ suffix ~ of_batch}, type='table')) }}
{% endmacro %}

{% macro make_intermediate_relation(base_relation, suffix='__dbt_tmp') %}
  {{ return(make_temp_relation(base_relation, suffix)) }}
{% endmacro %}

{% macro make_backup_relation(base_relation, backup_relation_type, suffix='__dbt_backup') %}
  {{ return(base_relation.incorporate(path={'identifier': base_relation.identifier ~ suffix}, type=backup_relation_type)) }}
{% endmacro %}

{% macro drop_relation(relation) -%}{{ adapter.drop_relation(relation) }}{%- endmacro %}
{% macro drop_relation_if_exists(relation) -%}
  {% if relation is not none %}{{ adapter.drop_relation(relation) }}{% endif %}
{%- endmacro %}
{% macro rename_relation(from_relation, to_relation) -%}{{ adapter.rename_relation(from_relation, to_relation) }}{%- endmacro %}
{% macro truncate_relation(relation) -%}{{ adapter.truncate_relation(relation) }}{%- endmacro %}

{% macro get_create_table_as_sql(temporary, relation, sql) -%}
  {{ adapter.dispatch('get_create_table_as_sql', 'dbt')(temporary, relation, sql) }}
{%- endmacro %}
{% macro default__get_create_table_as_sql(temporary, relation, sql) -%}
  {{ return(create_table_as(temporary, relation, sql)) }}
{%- endmacro %}

{% macro get_create_view_as_sql(relation, sql) -%}
  {{ adapter.dispatch('get_create_view_as_sql', 'dbt')(relation, sql) }}
{%- endmacro %}
{% macro default__get_create_view_as_sql(relation, sql) -%}
  {{ return(create_view_as(relation, sql)) }}
{%- endmacro %}

{% macro create_table_as(temporary, relation, compiled_code, language='sql') -%}
  {{ adapter.dispatch('create_table_as', 'dbt')(temporary, relation, compiled_code) }}
{%- endmacro %}

{% macro default__create_table_as(temporary, relation, sql) -%}
  {{ config.get('sql_header', '') }}
  {%- if config.get('contract', {}).enforced and not temporary %}
    {{ get_assert_columns_equivalent(sql) }}
  create table {{ relation }} {{ get_table_columns_and_constraints() }};
  insert into {{ relation }} ({{ contract_column_list() }}) (
    {{ get_select_subquery(sql) }}
  )
  {%- else %}
  create or replace table {{ relation }} as (
    {{ sql }}
  )
  {%- endif %}
{%- endmacro %}

{% macro bigquery__create_table_as(temporary, relation, sql) -%}
  {%- set partition = adapter.parse_partition_by(config.get('partition_by')) -%}
  {{ config.get('sql_header', '') }}
  create or replace table {{ relation }}
  {%- if config.get('contract', {}).enforced and not temporary %}
    {{ get_assert_columns_equivalent(sql) }}
    {{ get_table_columns_and_constraints() }}
    {%- set sql = get_select_subquery(sql) %}
  {%- endif %}
  {{ bigquery_partition_clause(partition) }}
  {{ bigquery_cluster_clause(config.get('cluster_by')) }}
  {{ bigquery_options('table', temporary) }}
  as (
    {{ sql }}
  )
{%- endmacro %}

{% macro create_view_as(relation, sql) -%}
  {{ adapter.dispatch('create_view_as', 'dbt')(relation, sql) }}
{%- endmacro %}

{% macro default__create_view_as(relation, sql) -%}
  {{ config.get('sql_header', '') }}
  {%- if config.get('contract', {}).enforced %}{{ get_assert_columns_equivalent(sql) }}{% endif %}
  create or replace view {{ relation }} as (
    {{ sql }}
  )
{%- endmacro %}

{% macro bigquery__create_view_as(relation, sql) -%}
  {{ config.get('sql_header', '') }}
  {%- if config.get('contract', {}).enforced %}{{ get_assert_columns_equivalent(sql) }}{% endif %}
  create or replace view {{ relation }}
  {{ bigquery_options('view') }}
  as (
    {{ sql }}
  )
{%- endmacro %}

{% macro persist_docs(relation, model, for_relation=true, for_columns=true) -%}
  {{ adapter.dispatch('persist_docs', 'dbt')(relation, model, for_relation, for_columns) }}
{%- endmacro %}

{% macro default__persist_docs(relation, model, for_relation, for_columns) -%}
  {%- if for_relation and config.persist_relation_docs() and model.description -%}
    {%- call statement() -%}
      comment on {{ 'view' if relation.is_view else 'table' }} {{ relation }} is '{{ model.description | replace("'", "''") }}'
    {%- endcall -%}
  {%- endif -%}
  {%- if for_columns and config.persist_column_docs() and model.columns -%}
    {%- set existing = adapter.get_columns_in_relation(relation) | map(attribute='name') | map('lower') | list -%}
    {%- for name, column in model.columns.items() if column.description and (name | lower) in existing -%}
      {%- call statement() -%}
        comment on column {{ relation }}.{{ adapter.quote(name) }} is '{{ column.description | replace("'", "''") }}'
      {%- endcall -%}
    {%- endfor -%}
  {%- endif -%}
{%- endmacro %}

{% macro apply_grants(relation, grant_config, should_revoke=True) -%}
  {{ adapter.dispatch('apply_grants', 'dbt')(relation, grant_config, should_revoke) }}
{%- endmacro %}
{# An embedded database has no users. #}
{% macro default__apply_grants(relation, grant_config, should_revoke=True) -%}{%- endmacro %}

{% macro should_revoke(existing_relation, full_refresh_mode=True) %}{{ return(existing_relation is not none and not full_refresh_mode) }}{% endmacro %}

{% macro handle_existing_table(full_refresh, old_relation) %}{{ adapter.drop_relation(old_relation) }}{% endmacro %}
