{{ config(
    materialized='model',
    ml_options={
      'model_type': 'kmeans',
      'num_clusters': 4,
      'kmeans_init_method': 'kmeans++',
      'standardize_features': true
    }
) }}

select
  recency_days,
  frequency,
  cast(monetary as float64) as monetary
from {{ ref('rfm_analysis') }}
