{# Materialized views, copies, descriptions, policy tags and grants on BigQuery. #}

{% materialization materialized_view, adapter='bigquery' %}
  {%- set existing = load_cached_relation(this) -%}
  {%- set target_relation = this.incorporate(type='materialized_view') -%}

  {{ run_hooks(pre_hooks, inside_transaction=False) }}
  {{ run_hooks(pre_hooks, inside_transaction=True) }}
  {%- if existing is not none and (not existing.is_materialized_view or should_full_refresh() or config.get('on_configuration_change', 'apply') == 'apply') -%}
    {#- A materialized view cannot be altered: it is replaced. -#}
    {%- if not existing.is_materialized_view -%}{% do adapter.drop_relation(existing) %}{%- endif -%}
    {%- set existing = none -%}
  {%- endif -%}
  {%- if existing is not none and config.get('on_configuration_change') == 'fail' -%}
    {% do exceptions.raise_compiler_error("The materialized view " ~ target_relation ~ " exists already, and `on_configuration_change` is 'fail'") %}
  {%- elif existing is not none -%}
    {{ noop_statement('main', message='skip ' ~ target_relation) }}
  {%- else -%}
    {% call statement('main') -%}
      {{ get_create_materialized_view_as_sql(target_relation, sql) }}
    {%- endcall %}
  {%- endif -%}
  {{ run_hooks(post_hooks, inside_transaction=True) }}
  {{ run_hooks(post_hooks, inside_transaction=False) }}
  {% do apply_grants(target_relation, config.get('grants')) %}
  {% do adapter.commit() %}
  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{% macro get_create_materialized_view_as_sql(relation, sql) -%}
  {{ adapter.dispatch('get_create_materialized_view_as_sql', 'dbt')(relation, sql) }}
{%- endmacro %}
{% macro bigquery__get_create_materialized_view_as_sql(relation, sql) -%}
  create or replace materialized view {{ relation }}
  {{ bigquery_partition_clause(adapter.parse_partition_by(config.get('partition_by'))) }}
  {{ bigquery_cluster_clause(config.get('cluster_by')) }}
  {{ bigquery_options('materialized_view') }}
  as {{ sql }}
{%- endmacro %}

{# `materialized='copy'`: the one table that the model refers to, by a copy job. #}
{% materialization copy, adapter='bigquery' -%}
  {%- set existing = load_cached_relation(this) -%}
  {%- set target_relation = this.incorporate(type='table') -%}
  {{ run_hooks(pre_hooks, inside_transaction=False) }}
  {{ run_hooks(pre_hooks, inside_transaction=True) }}
  {%- set sources = [] -%}
  {%- for call in model.refs -%}{%- do sources.append(ref(call.package, call.name) if call.package else ref(call.name)) -%}{%- endfor -%}
  {%- for pair in model.sources -%}{%- do sources.append(source(pair[0], pair[1])) -%}{%- endfor -%}
  {%- if not sources -%}
    {% do exceptions.raise_compiler_error("The materialization 'copy' needs at least one ref() or source()") %}
  {%- endif -%}
  {%- if existing is not none and not existing.is_table -%}{% do adapter.drop_relation(existing) %}{%- endif -%}
  {%- set how = config.get('copy_materialization', 'table') -%}
  {% do adapter.copy_table(sources, target_relation, how) %}
  {{ noop_statement('main', message='COPY TABLE with materialization: ' ~ how, code='COPY TABLE') }}
  {{ run_hooks(post_hooks, inside_transaction=True) }}
  {{ run_hooks(post_hooks, inside_transaction=False) }}
  {% do apply_grants(target_relation, config.get('grants')) %}
  {% do adapter.commit() %}
  {{ return({'relations': [target_relation]}) }}
{%- endmaterialization %}

{# A table's or view's own description is among its OPTIONS; a seed's is not. Columns carry descriptions and policy tags. #}
{% macro bigquery__persist_docs(relation, model, for_relation, for_columns) -%}
  {%- if for_relation and config.persist_relation_docs() and model.description and model.resource_type in ['seed', 'snapshot'] -%}
    {% do adapter.update_table_description(relation.database, relation.schema, relation.identifier, model.description) %}
  {%- endif -%}
  {%- if for_columns and model.columns and (config.persist_column_docs() or has_policy_tags(model.columns)) -%}
    {% do adapter.update_columns(relation, model.columns) %}
  {%- endif -%}
  {%- for grant in config.get('grant_access_to') or [] -%}
    {% do adapter.grant_access_to(relation, 'view', none, grant) %}
  {%- endfor -%}
{%- endmacro %}

{% macro has_policy_tags(columns) %}
  {%- for name, column in columns.items() if column.policy_tags -%}{{ return(true) }}{%- endfor -%}
  {{ return(false) }}
{% endmacro %}

{# Makes the grants of a relation those of the configuration. An embedded database has no users. #}
{% macro bigquery__apply_grants(relation, grant_config, should_revoke=True) -%}
  {%- if grant_config and target.method != 'local' -%}
    {%- set current = {} -%}
    {%- if should_revoke -%}
      {%- for row in run_query(bigquery_show_grants(relation)).rows -%}
        {%- do current.setdefault(row['privilege_type'], []).append(row['grantee']) -%}
      {%- endfor -%}
    {%- endif -%}
    {%- for privilege in (current.keys() | list) -%}
      {%- set gone = [] -%}
      {%- for grantee in current[privilege] if grantee not in (grant_config.get(privilege) or []) -%}{%- do gone.append(grantee) -%}{%- endfor -%}
      {%- if gone -%}{% call statement() %}{{ bigquery_grant('revoke', privilege, relation, 'from', gone) }}{% endcall %}{%- endif -%}
    {%- endfor -%}
    {%- for privilege, grantees in grant_config.items() -%}
      {%- set fresh = [] -%}
      {%- for grantee in grantees if grantee not in (current.get(privilege) or []) -%}{%- do fresh.append(grantee) -%}{%- endfor -%}
      {%- if fresh -%}{% call statement() %}{{ bigquery_grant('grant', privilege, relation, 'to', fresh) }}{% endcall %}{%- endif -%}
    {%- endfor -%}
  {%- endif -%}
{%- endmacro %}

{% macro bigquery_grant(verb, privilege, relation, word, grantees) -%}
  {{ verb }} `{{ privilege }}` on {{ 'view' if relation.is_view else 'materialized view' if relation.is_materialized_view else 'table' }} {{ relation }} {{ word }} {% for grantee in grantees %}"{{ grantee }}"{{ ', ' if not loop.last }}{% endfor %}
{%- endmacro %}

{% macro bigquery_show_grants(relation) -%}
  {%- set location = adapter.get_dataset_location(relation) -%}
  select privilege_type, grantee
  from `{{ relation.database }}`.`region-{{ location | lower }}`.INFORMATION_SCHEMA.OBJECT_PRIVILEGES
  where object_schema = '{{ relation.schema }}' and object_name = '{{ relation.identifier }}'
    and split(grantee, ':')[offset(1)] != session_user()
{%- endmacro %}

{% macro grant_access_to(entity, entity_type, role, grant_target_dict) -%}
  {% do adapter.grant_access_to(entity, entity_type, role, grant_target_dict) %}
{%- endmacro %}
