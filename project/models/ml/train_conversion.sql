{{ config(
    materialized='model',
    ml_options={
      'model_type': 'logistic_reg',
      'input_label_cols': ['converted'],
      'max_iterations': 50,
      'l2_reg': 0.1
    }
) }}

select device_type, hour_of_day, views, clicks, carts, chats, distinct_products, browsing_seconds, converted
from {{ ref('fct_ml_sessions') }}
