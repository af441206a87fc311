select
  viewer_id,
  churned,
  (select prob from unnest(predicted_churned_probs) where label = 1) as churn_probability
from ml.predict(model {{ ref('train_churn') }}, (select * from {{ ref('fct_churn_features') }}))
