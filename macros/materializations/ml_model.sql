{# BigQuery ML: `materialized='model'`. The file is the training query, or a whole CREATE MODEL statement. #}

{% materialization model, adapter='bigquery' %}
  {%- set target_relation = this.incorporate(type='model') -%}

  {{ run_hooks(pre_hooks, inside_transaction=False) }}
  {{ run_hooks(pre_hooks, inside_transaction=True) }}
  {% call statement('main') -%}
    {{ create_model_as(target_relation, sql) }}
  {%- endcall %}
  {{ run_hooks(post_hooks, inside_transaction=True) }}
  {% do adapter.commit() %}
  {{ run_hooks(post_hooks, inside_transaction=False) }}
  {{ return({'relations': []}) }}
{% endmaterialization %}

{% macro create_model_as(relation, sql) -%}
  {%- if modules.re.match('(?is)(\\s|--[^\\n]*\\n|/\\*.*?\\*/)*create\\s+(or\\s+replace\\s+)?model\\b', sql) -%}
  {{ sql }}
  {%- else -%}
  {%- set meta = config.get('meta') or {} -%}
  {%- set options = config.get('ml_config') or meta.get('ml_config') or config.get('options') or {} -%}
  create or replace model {{ relation }}
  {%- if config.get('transform') %}
  transform({{ config.get('transform') }})
  {%- endif %}
  {%- if options %}
  options({% for key, value in options.items() %}{{ key }} = {{ ml_option(value) }}{{ ', ' if not loop.last }}{% endfor %})
  {%- endif %}
  as (
    {{ sql }}
  )
  {%- endif -%}
{%- endmacro %}

{% macro ml_option(value) -%}
  {%- if value is sameas true or value is sameas false -%}{{ value | string | lower }}
  {%- elif value is number -%}{{ value }}
  {%- elif value is string and modules.re.match('^\\s*hparam_', value) -%}{{ value }}
  {%- elif value is string -%}'{{ value }}'
  {%- else -%}[{% for item in value %}{{ ml_option(item) }}{{ ', ' if not loop.last }}{% endfor %}]
  {%- endif -%}
{%- endmacro %}
