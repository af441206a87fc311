//! What tonic names of zstd. `gcp-bigquery-client` builds tonic with zstd, and nothing here turns that compression on: neither
//! our servers nor our clients offer it. The C library would take ten seconds to compile.

pub const DEFAULT_COMPRESSION_LEVEL: i32 = 3;

pub mod stream {
    pub mod read {
        use std::io::{Error, ErrorKind, Read, Result};
        use std::marker::PhantomData;

        /// Uninhabited: there is no way to make one.
        enum Never {}

        fn absent() -> Error {
            Error::new(ErrorKind::Unsupported, "rsdbt is built without zstd")
        }

        macro_rules! coder {
            ($($name:ident($($argument:ty),*)),*) => {$(
                pub struct $name<R>(Never, PhantomData<R>);

                impl<R: Read> $name<R> {
                    /// # Errors
                    /// Always `Unsupported`.
                    pub fn new(_: R $(, _: $argument)*) -> Result<Self> {
                        Err(absent())
                    }
                }

                impl<R> Read for $name<R> {
                    fn read(&mut self, _: &mut [u8]) -> Result<usize> {
                        match self.0 {}
                    }
                }
            )*};
        }

        coder!(Decoder(), Encoder(i32));
    }
}
