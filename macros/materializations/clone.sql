{# `rsdbt clone`: what another environment has built, here: by the warehouse's own copy-on-write clone, else as a view on it. #}

{% materialization clone, default %}
  {%- set target_relation = this.incorporate(type='table') -%}
  {%- set existing = load_cached_relation(this) -%}
  {%- set other = load_cached_relation(defer_relation) if defer_relation else none -%}
  {%- if other is none -%}
    {{ noop_statement('main', message='No relation to clone in the state manifest') }}
    {{ return({'relations': []}) }}
  {%- elif existing is not none and not flags.FULL_REFRESH -%}
    {{ noop_statement('main', message='Relation ' ~ this ~ ' already exists') }}
    {{ return({'relations': [existing]}) }}
  {%- elif other.is_table and can_clone_table() -%}
    {%- if existing is not none and not existing.is_table -%}{% do adapter.drop_relation(existing) %}{%- endif -%}
    {% call statement('main') -%}
      {{ create_or_replace_clone(target_relation, other) }}
    {%- endcall %}
  {%- else -%}
    {%- set target_relation = this.incorporate(type='view') -%}
    {%- if existing is not none and not existing.is_view -%}{% do adapter.drop_relation(existing) %}{%- endif -%}
    {% call statement('main') -%}
      create or replace view {{ target_relation }} as select * from {{ other }}
    {%- endcall %}
  {%- endif -%}
  {% do adapter.commit() %}
  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{% macro can_clone_table() -%}{{ return(adapter.dispatch('can_clone_table', 'dbt')()) }}{%- endmacro %}
{% macro default__can_clone_table() -%}{{ return(False) }}{%- endmacro %}
{% macro bigquery__can_clone_table() -%}{{ return(target.method != 'local') }}{%- endmacro %}

{% macro create_or_replace_clone(this_relation, defer_relation) -%}
  {{ adapter.dispatch('create_or_replace_clone', 'dbt')(this_relation, defer_relation) }}
{%- endmacro %}
{% macro default__create_or_replace_clone(this_relation, defer_relation) -%}
  create or replace table {{ this_relation }} clone {{ defer_relation }}
{%- endmacro %}
