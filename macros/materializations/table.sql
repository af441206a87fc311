{# A table is replaced as a whole: readers see the old rows or the new ones. #}

{% materialization table, default %}
  {%- set existing = load_cached_relation(this) -%}
  {%- set target_relation = this.incorporate(type='table') -%}

  {{ run_hooks(pre_hooks, inside_transaction=False) }}
  {{ run_hooks(pre_hooks, inside_transaction=True) }}

  {%- if existing is not none and (not existing.is_table or replaces_by_drop() or not keeps_partitions(existing)) -%}
    {% do adapter.drop_relation(existing) %}
  {%- endif -%}
  {% call statement('main') -%}
    {{ get_create_table_as_sql(False, target_relation, sql) }}
  {%- endcall %}

  {% do persist_docs(target_relation, model) %}
  {{ run_hooks(post_hooks, inside_transaction=True) }}
  {% do apply_grants(target_relation, config.get('grants')) %}
  {% do adapter.commit() %}
  {{ run_hooks(post_hooks, inside_transaction=False) }}
  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{# With an enforced contract the table is made with its constraints, so the old one goes first, in the same transaction. #}
{% macro replaces_by_drop() %}{{ return(adapter.type() == 'duckdb' and config.get('contract', {}).enforced) }}{% endmacro %}

{# Whether a table can be replaced in place: BigQuery refuses one that is partitioned in another way. #}
{% macro keeps_partitions(relation) %}{{ return(adapter.dispatch('keeps_partitions', 'dbt')(relation)) }}{% endmacro %}
{% macro default__keeps_partitions(relation) %}{{ return(True) }}{% endmacro %}
{% macro bigquery__keeps_partitions(relation) %}
  {{ return(adapter.is_replaceable(relation, config.get('partition_by'), config.get('cluster_by'))) }}
{% endmacro %}
