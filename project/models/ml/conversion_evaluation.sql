select * from ml.evaluate(model {{ ref('train_conversion') }}, (select * from {{ ref('fct_ml_sessions') }}))
