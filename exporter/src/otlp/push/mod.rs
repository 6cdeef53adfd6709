//! One task per endpoint: what is due is sent, tried again as the protocol says, and counted.
//!
//! Memory is bounded whatever an endpoint does: there is one request at a time, and no other is made before
//! its fate is decided. Cumulative sums need no more, because the next push says it all again. For deltas
//! [`Stream`] keeps what has not been told, series by series.

mod client;
mod failure;
mod grpc;
mod http;
mod position;
mod task;
mod tls;

pub use client::Client;
pub use failure::{Failure, Reason, Retry};
pub use grpc::refused_over_grpc;
pub use http::answered_over_http;
pub use position::Position;
pub use task::{Pusher, Schedule};
