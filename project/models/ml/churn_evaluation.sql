select * from ml.evaluate(model {{ ref('train_churn') }}, (select * from {{ ref('fct_churn_features') }}))
