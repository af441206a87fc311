{# Columns: of relations and queries, and contracts. #}

{% macro get_columns_in_relation(relation) -%}{{ return(adapter.get_columns_in_relation(relation)) }}{%- endmacro %}

{% macro get_columns_in_query(select_sql) -%}
  {% set names = [] %}
  {% for column in adapter.get_column_schema_from_query(select_sql) %}{% do names.append(column.name) %}{% endfor %}
  {{ return(names) }}
{%- endmacro %}

{% macro get_column_schema_from_query(select_sql, select_sql_header=none) -%}
  {{ return(adapter.get_column_schema_from_query(select_sql)) }}
{%- endmacro %}

{% macro get_empty_subquery_sql(select_sql, select_sql_header=none) -%}
  {{ select_sql_header or '' }}
  select * from (
    {{ select_sql }}
  ) as __dbt_sbq
  where false
  limit 0
{%- endmacro %}

{% macro get_quoted_csv(column_names) %}
  {%- set quoted = [] -%}
  {%- for name in column_names -%}{%- do quoted.append(adapter.quote(name)) -%}{%- endfor -%}
  {{ return(quoted | join(', ')) }}
{% endmacro %}

{% macro diff_columns(source_columns, target_columns) %}
  {% set names = target_columns | map(attribute='column') | map('lower') | list %}
  {% set missing = [] %}
  {% for column in source_columns if (column.name | lower) not in names %}{% do missing.append(column) %}{% endfor %}
  {{ return(missing) }}
{% endmacro %}

{% macro diff_column_data_types(source_columns, target_columns) %}
  {% set changed = [] %}
  {% for source in source_columns %}
    {% for target in target_columns if (target.name | lower) == (source.name | lower) and target.data_type != source.data_type %}
      {% do changed.append({'column_name': target.name, 'new_type': source.data_type}) %}
    {% endfor %}
  {% endfor %}
  {{ return(changed) }}
{% endmacro %}

{% macro alter_relation_add_remove_columns(relation, add_columns=none, remove_columns=none) -%}
  {% for column in (add_columns or []) %}
    {% do run_query('alter table ' ~ relation ~ ' add column ' ~ adapter.quote(column.name) ~ ' ' ~ column.data_type) %}
  {% endfor %}
  {% for column in (remove_columns or []) %}
    {% do run_query('alter table ' ~ relation ~ ' drop column ' ~ adapter.quote(column.name)) %}
  {% endfor %}
{%- endmacro %}

{% macro alter_column_type(relation, column_name, new_column_type) -%}
  {{ adapter.dispatch('alter_column_type', 'dbt')(relation, column_name, new_column_type) }}
{%- endmacro %}
{% macro default__alter_column_type(relation, column_name, new_column_type) -%}
  {% do run_query('alter table ' ~ relation ~ ' alter column ' ~ adapter.quote(column_name) ~ ' set data type ' ~ new_column_type) %}
{%- endmacro %}

{# Contracts: the query's columns must be those of the YAML, in name and type. #}
{% macro get_assert_columns_equivalent(sql) -%}
  {{ adapter.dispatch('get_assert_columns_equivalent', 'dbt')(sql) }}
{%- endmacro %}
{% macro default__get_assert_columns_equivalent(sql) -%}{{ return(assert_columns_equivalent(sql)) }}{%- endmacro %}

{% macro assert_columns_equivalent(sql) %}
  {%- set wanted = model['columns'] -%}
  {%- if not wanted -%}
    {{ exceptions.raise_compiler_error('Contracts can only be enforced on models with columns in YAML: ' ~ model.name ~ ' has none') }}
  {%- endif -%}
  {%- set untyped = [] -%}
  {%- for name, column in wanted.items() if not column.data_type -%}{%- do untyped.append(name) -%}{%- endfor -%}
  {%- if untyped -%}{{ exceptions.column_type_missing(untyped | join(', ')) }}{%- endif -%}
  {%- set given = adapter.get_column_schema_from_query(sql) -%}
  {%- set contract = adapter.get_column_schema_from_query(get_empty_schema_sql(wanted)) -%}
  {%- set pairs = {'given': [], 'wanted': []} -%}
  {%- for column in given -%}{%- do pairs.given.append({'name': column.name, 'formatted': column.data_type}) -%}{%- endfor -%}
  {%- for column in contract -%}{%- do pairs.wanted.append({'name': column.name, 'formatted': column.data_type}) -%}{%- endfor -%}
  {%- set types = {} -%}
  {%- for column in contract -%}{%- do types.update({column.name | lower: column.data_type}) -%}{%- endfor -%}
  {%- if given | length != contract | length -%}{{ exceptions.raise_contract_error(pairs.wanted, pairs.given) }}{%- endif -%}
  {%- for column in given -%}
    {%- if types.get(column.name | lower) != column.data_type -%}
      {{ exceptions.raise_contract_error(pairs.wanted, pairs.given) }}
    {%- endif -%}
  {%- endfor -%}
{% endmacro %}

{% macro get_empty_schema_sql(columns) -%}
  select
  {%- for name, column in columns.items() %}
    cast(null as {{ column.data_type }}) as {{ adapter.quote(name) if column.quote else name }}{{ ', ' if not loop.last }}
  {%- endfor %}
{%- endmacro %}

{% macro get_table_columns_and_constraints() -%}
  {{ adapter.dispatch('get_table_columns_and_constraints', 'dbt')() }}
{%- endmacro %}
{% macro default__get_table_columns_and_constraints() -%}
  {%- set lines = adapter.render_raw_columns_constraints(raw_columns=model['columns']) + adapter.render_raw_model_constraints(raw_constraints=model['constraints']) -%}
  (
    {{ lines | join(',\n    ') }}
  )
{%- endmacro %}

{% macro contract_column_list() -%}
  {%- set names = [] -%}
  {%- for name, column in model['columns'].items() -%}{%- do names.append(adapter.quote(name) if column.quote else name) -%}{%- endfor -%}
  {{ names | join(', ') }}
{%- endmacro %}

{% macro get_select_subquery(sql) %}
  select {{ contract_column_list() }}
  from (
    {{ sql }}
  ) as model_subq
{%- endmacro %}
