-- The probability that a visit ends in an order, from what happened before the first checkout.
select
  session_id,
  viewer_id,
  stream_id,
  converted,
  predicted_converted,
  (select prob from unnest(predicted_converted_probs) where label = 1) as conversion_probability
from ml.predict(model {{ ref('train_conversion') }}, (select * from {{ ref('fct_ml_sessions') }}))
