-- Names follow from the order of the centroids themselves: the numbers of clusters mean nothing.
with centroids as (
  select
    centroid_id,
    max(if(feature = 'monetary', numerical_value, null)) as monetary,
    max(if(feature = 'frequency', numerical_value, null)) as frequency,
    max(if(feature = 'recency_days', numerical_value, null)) as recency_days
  from ml.centroids(model {{ ref('train_customer_segments') }})
  group by centroid_id
),

ranked as (
  select
    centroid_id,
    row_number() over (order by monetary desc, frequency desc, recency_days, centroid_id) as value_rank,
    count(*) over () as segment_count
  from centroids
)

select
  scored.viewer_id,
  scored.centroid_id,
  case
    when ranked.value_rank = 1 then 'High-Value Loyal'
    when ranked.value_rank = 2 then 'Promising Regulars'
    when ranked.value_rank = ranked.segment_count then 'Window Shoppers'
    else 'Occasional Buyers'
  end as segment,
  ranked.value_rank,
  scored.recency_days,
  scored.frequency,
  scored.monetary
from {{ ref('customer_segments_scored') }} as scored
inner join ranked on scored.centroid_id = ranked.centroid_id
