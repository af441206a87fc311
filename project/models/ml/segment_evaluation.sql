select * from ml.evaluate(model {{ ref('train_customer_segments') }})
