{# Schemas. #}

{% macro create_schema(relation) -%}{{ adapter.create_schema(relation) }}{%- endmacro %}
{% macro drop_schema(relation) -%}{{ adapter.drop_schema(relation) }}{%- endmacro %}
{% macro list_schemas(database) -%}{{ return(adapter.list_schemas(database)) }}{%- endmacro %}
{% macro check_schema_exists(information_schema, schema) -%}{{ return(adapter.check_schema_exists(information_schema.database, schema)) }}{%- endmacro %}

{% macro current_timestamp() -%}{{ adapter.dispatch('current_timestamp', 'dbt')() }}{%- endmacro %}
{% macro default__current_timestamp() -%}now(){%- endmacro %}
{% macro bigquery__current_timestamp() -%}current_timestamp(){%- endmacro %}
{% macro current_timestamp_in_utc() -%}{{ current_timestamp() }}{%- endmacro %}
{% macro current_timestamp_backcompat() -%}{{ current_timestamp() }}{%- endmacro %}

{% macro snapshot_get_time() -%}{{ adapter.dispatch('snapshot_get_time', 'dbt')() }}{%- endmacro %}
{% macro default__snapshot_get_time() -%}{{ current_timestamp() }}{%- endmacro %}
{% macro duckdb__snapshot_get_time() -%}{{ current_timestamp() }}::timestamp{%- endmacro %}
{% macro current_timestamp_in_utc_backcompat() -%}{{ current_timestamp() }}{%- endmacro %}

{% macro create_schema_named(schema_name) -%}{{ adapter.create_schema(api.Relation.create(database=target.database, schema=schema_name)) }}{%- endmacro %}
{% macro drop_schema_named(schema_name) -%}{{ adapter.drop_schema(api.Relation.create(database=target.database, schema=schema_name)) }}{%- endmacro %}
