{# `materialized='model'`: the file is the query that BigQuery ML trains on, `ml_options` are its OPTIONS. #}
{% materialization model, adapter='bigquery' %}
  {%- set relation = this -%}
  {{ run_hooks(pre_hooks) }}
  {% call statement('main') -%}
    create or replace model {{ relation }}
    options (
      {%- for name, value in config.require('ml_options').items() %}
      {{ name }} = {{ ml_option_literal(value) }}{{ ',' if not loop.last }}
      {%- endfor %}
    )
    as (
      {{ sql }}
    )
  {%- endcall %}
  {{ run_hooks(post_hooks) }}
  {{ return({'relations': []}) }}
{% endmaterialization %}

{% macro ml_option_literal(value) -%}
  {%- if value is string -%}'{{ value }}'
  {%- elif value is sameas true or value is sameas false -%}{{ value | lower }}
  {%- elif value is number -%}{{ value }}
  {%- else -%}[{% for item in value %}{{ ml_option_literal(item) }}{{ ', ' if not loop.last }}{% endfor %}]
  {%- endif -%}
{%- endmacro %}
