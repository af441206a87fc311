{{ config(
    materialized='model',
    ml_options={'model_type': 'logistic_reg', 'input_label_cols': ['churned'], 'l2_reg': 1.0, 'auto_class_weights': true}
) }}

select session_count, order_count, cart_count, average_duration_seconds, hours_since_last_visit, churned
from {{ ref('fct_churn_features') }}
