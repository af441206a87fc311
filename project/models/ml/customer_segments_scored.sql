select
  viewer_id,
  centroid_id,
  recency_days,
  frequency,
  monetary,
  (select min(distance) from unnest(nearest_centroids_distance)) as distance_to_centroid
from ml.predict(
  model {{ ref('train_customer_segments') }},
  (select viewer_id, recency_days, frequency, cast(monetary as float64) as monetary from {{ ref('rfm_analysis') }})
)
