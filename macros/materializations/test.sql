{# A data test: the rows of its query are failures. #}

{% materialization test, default %}
  {% set failures = sql %}
  {% if should_store_failures() %}
    {# Its schema was made before any test began: two that make one at once would fail each other. #}
    {% set kind = config.get('store_failures_as') or 'table' %}
    {% set target_relation = this.incorporate(type=kind) %}
    {% set existing = load_cached_relation(this) %}
    {% if existing is not none and existing.type != kind %}{% do adapter.drop_relation(existing) %}{% endif %}
    {% call statement(auto_begin=True) %}
      create or replace {{ kind }} {{ target_relation }} as (
        {{ sql }}
      )
    {% endcall %}
    {% set failures %}select * from {{ target_relation }}{% endset %}
    {% do adapter.commit() %}
  {% endif %}
  {% call statement('main', fetch_result=True) -%}
    {{ get_test_sql(failures, config.get('fail_calc'), config.get('warn_if'), config.get('error_if'), config.get('limit')) }}
  {%- endcall %}
  {{ return({'relations': []}) }}
{% endmaterialization %}

{% macro get_test_sql(main_sql, fail_calc, warn_if, error_if, limit) -%}
  {{ adapter.dispatch('get_test_sql', 'dbt')(main_sql, fail_calc, warn_if, error_if, limit) }}
{%- endmacro %}

{% macro default__get_test_sql(main_sql, fail_calc, warn_if, error_if, limit) -%}
select
  {{ fail_calc }} as failures,
  {{ fail_calc }} {{ warn_if }} as should_warn,
  {{ fail_calc }} {{ error_if }} as should_error
from (
  {{ main_sql }}
  {{ 'limit ' ~ limit if limit is not none }}
) dbt_internal_test
{%- endmacro %}
