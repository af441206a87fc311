{# What stands around the query of a CREATE statement on BigQuery: partitions, clusters, OPTIONS. #}

{# The partition that a row belongs to, as an expression. #}
{% macro bigquery_partition_value(partition, alias='') -%}
  {%- set column = (alias ~ '.' if alias else '') ~ partition.field -%}
  {%- set data_type = partition.data_type | lower -%}
  {%- if data_type == 'int64' -%}
    {{ partition.range.interval }} * div({{ column }} - {{ partition.range.start }}, {{ partition.range.interval }})
  {%- elif data_type == 'date' and (partition.granularity | lower) == 'day' -%}
    {{ column }}
  {%- else -%}
    {{ data_type }}_trunc({{ column }}, {{ partition.granularity | lower }})
  {%- endif -%}
{%- endmacro %}

{% macro bigquery_partition_clause(partition) -%}
  {%- if partition and partition.data_type | lower == 'int64' -%}
    partition by range_bucket({{ partition.field }}, generate_array({{ partition.range.start }}, {{ partition.range.end }}, {{ partition.range.interval }}))
  {%- elif partition -%}
    partition by {{ bigquery_partition_value(partition) }}
  {%- endif -%}
{%- endmacro %}

{% macro bigquery_cluster_clause(columns) -%}
  {%- if columns -%}
    cluster by {{ columns if columns is string else columns | join(', ') }}
  {%- endif -%}
{%- endmacro %}

{% macro bigquery_text(text) -%}
  """{{ text | replace('\\', '\\\\') | replace('"', '\\"') }}"""
{%- endmacro %}

{# A list of OPTIONS as the model's configuration gives them. `kind` is table, view or materialized_view. #}
{% macro bigquery_options(kind='table', temporary=false) -%}
  {%- set options = [] -%}
  {%- if temporary -%}
    {%- do options.append('expiration_timestamp = timestamp_add(current_timestamp(), interval 12 hour)') -%}
  {%- elif config.get('hours_to_expiration') -%}
    {%- do options.append('expiration_timestamp = timestamp_add(current_timestamp(), interval ' ~ config.get('hours_to_expiration') ~ ' hour)') -%}
  {%- endif -%}
  {%- if config.persist_relation_docs() and model.description and not temporary -%}
    {%- do options.append('description = ' ~ bigquery_text(model.description)) -%}
  {%- endif -%}
  {%- if config.get('labels') and not temporary -%}
    {%- set labels = [] -%}
    {%- for key, value in config.get('labels').items() -%}{%- do labels.append("('" ~ key ~ "', '" ~ value ~ "')") -%}{%- endfor -%}
    {%- do options.append('labels = [' ~ (labels | join(', ')) ~ ']') -%}
  {%- endif -%}
  {%- if config.get('resource_tags') and not temporary -%}
    {%- set tags = [] -%}
    {%- for key, value in config.get('resource_tags').items() -%}{%- do tags.append("('" ~ key ~ "', '" ~ value ~ "')") -%}{%- endfor -%}
    {%- do options.append('tags = [' ~ (tags | join(', ')) ~ ']') -%}
  {%- endif -%}
  {%- if config.get('kms_key_name') and kind != 'view' -%}
    {%- do options.append("kms_key_name = '" ~ config.get('kms_key_name') ~ "'") -%}
  {%- endif -%}
  {%- if kind == 'table' and config.get('partition_by') and not temporary -%}
    {%- if config.get('require_partition_filter') -%}{%- do options.append('require_partition_filter = true') -%}{%- endif -%}
    {%- if config.get('partition_expiration_days') -%}
      {%- do options.append('partition_expiration_days = ' ~ config.get('partition_expiration_days')) -%}
    {%- endif -%}
  {%- endif -%}
  {%- if config.get('enable_change_history') is not none and kind == 'table' -%}
    {%- do options.append('enable_change_history = ' ~ (config.get('enable_change_history') | string | lower)) -%}
  {%- endif -%}
  {%- if kind == 'materialized_view' -%}
    {%- if config.get('enable_refresh') is not none -%}{%- do options.append('enable_refresh = ' ~ (config.get('enable_refresh') | string | lower)) -%}{%- endif -%}
    {%- if config.get('refresh_interval_minutes') -%}{%- do options.append('refresh_interval_minutes = ' ~ config.get('refresh_interval_minutes')) -%}{%- endif -%}
    {%- if config.get('max_staleness') -%}{%- do options.append('max_staleness = ' ~ config.get('max_staleness')) -%}{%- endif -%}
    {%- if config.get('allow_non_incremental_definition') is not none -%}{%- do options.append('allow_non_incremental_definition = ' ~ (config.get('allow_non_incremental_definition') | string | lower)) -%}{%- endif -%}
  {%- endif -%}
  {%- if options -%}
  options({{ options | join(', ') }})
  {%- endif -%}
{%- endmacro %}
