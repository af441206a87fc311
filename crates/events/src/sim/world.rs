//! Viewers, products and streams: the CSV files of the bundled project.

use super::arrivals::zipf;
use rand_distr::Zipf;
use std::sync::Arc;

#[derive(Debug, PartialEq, Eq)]
pub struct Viewer {
    pub id: String,
    pub email: String,
    pub state: String,
    pub device: String,
    pub segment: usize,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Product {
    pub id: String,
    pub name: String,
    pub category: String,
    pub cents: i64,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Stream {
    pub id: String,
    pub streamer: String,
    pub title: String,
    pub category: String,
    /// 0 is Monday.
    pub weekday: i64,
    pub start_hour: i64,
    pub minutes: i64,
}

/// Products of one category, the favourites first.
pub struct Shelf {
    pub category: String,
    pub products: Vec<usize>,
    pub law: Zipf<f64>,
}

pub struct World {
    pub viewers: Vec<Arc<Viewer>>,
    pub products: Vec<Arc<Product>>,
    pub streams: Vec<Arc<Stream>>,
    pub shelves: Vec<Shelf>,
    /// How all products are liked.
    pub law: Zipf<f64>,
}

const CUSTOMERS: &str = include_str!("../../../../seeds/customers.csv");
const PRODUCTS: &str = include_str!("../../../../seeds/products.csv");
const STREAMS: &str = include_str!("../../../../seeds/streams.csv");

impl World {
    /// The world of the bundled project.
    pub fn bundled() -> Result<World, String> {
        World::read(CUSTOMERS, PRODUCTS, STREAMS)
    }

    /// Reads the three CSV texts. Errors name the line.
    pub fn read(customers: &str, products: &str, streams: &str) -> Result<World, String> {
        let viewers = rows(customers, ["viewer_id", "email", "state", "device_type", "segment"])?;
        let products = rows(products, ["product_id", "product_name", "category", "price", "price"])?;
        let streams = rows(streams, ["stream_id", "streamer_name", "category", "weekday", "start_hour"])?
            .into_iter()
            .zip(rows(streams, ["duration_minutes", "title", "title", "title", "title"])?);
        let number = |text: &str| text.parse::<i64>().map_err(|_| format!("'{text}' is not a whole number"));
        let products: Vec<Arc<Product>> = products
            .into_iter()
            .map(|[id, name, category, price, _]| {
                let price: f64 = price.parse().map_err(|_| format!("'{price}' is not a price"))?;
                Ok(Arc::new(Product { id, name, category, cents: (price * 100.0).round() as i64 }))
            })
            .collect::<Result<_, String>>()?;
        let viewer = |[id, email, state, device, segment]: [String; 5]| {
            let segment = super::funnel::segment(&segment).ok_or_else(|| format!("there is no segment '{segment}'"))?;
            Ok(Arc::new(Viewer { id, email, state, device, segment }))
        };
        let stream = |([id, streamer, category, weekday, hour], [minutes, title, ..]): ([String; 5], [String; 5])| {
            let (weekday, start_hour, minutes) = (number(&weekday)?, number(&hour)?, number(&minutes)?);
            Ok(Arc::new(Stream { id, streamer, title, category, weekday, start_hour, minutes }))
        };
        Ok(World {
            shelves: shelves(&products),
            law: zipf(products.len(), 0.8),
            viewers: viewers.into_iter().map(viewer).collect::<Result<_, String>>()?,
            products,
            streams: streams.map(stream).collect::<Result<_, String>>()?,
        })
    }
}

fn shelves(products: &[Arc<Product>]) -> Vec<Shelf> {
    let mut shelves: Vec<Shelf> = Vec::new();
    for (at, product) in products.iter().enumerate() {
        match shelves.iter_mut().find(|shelf| shelf.category == product.category) {
            Some(shelf) => shelf.products.push(at),
            None => shelves.push(Shelf { category: product.category.clone(), products: vec![at], law: zipf(1, 1.0) }),
        }
    }
    shelves.iter_mut().for_each(|shelf| shelf.law = zipf(shelf.products.len(), 1.0));
    shelves
}

fn rows(text: &str, columns: [&str; 5]) -> Result<Vec<[String; 5]>, String> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().map_err(|why| why.to_string())?.clone();
    let mut places = [0; 5];
    for (place, name) in places.iter_mut().zip(columns) {
        *place =
            header.iter().position(|column| column == name).ok_or_else(|| format!("there is no column '{name}'"))?;
    }
    reader
        .records()
        .map(|record| {
            let record = record.map_err(|why| why.to_string())?;
            Ok(places.map(|place| record.get(place).unwrap_or_default().to_owned()))
        })
        .collect()
}
