//! OTLP: every metric, pushed to endpoints that don't come for it.
//!
//! The same snapshots as scrapes get ([`Hub`](crate::server::Hub)) go through a [`Stream`], which knows what an endpoint has been
//! told, and an [`Encoder`] to a [`Pusher`], which gets it there:
//!
//! ```text
//! Hub ─► Stream ─► Batch ─► Encoder ─► Request ─► Client ─► endpoint
//!          ▲                                         │
//!          └─────── accepted, refused, dropped ──────┘
//! ```

mod batch;
mod encode;
mod environment;
mod push;
mod resource;
mod settings;
mod start;
mod stream;

pub use batch::Batch;
pub use encode::{Encoder, Form};
pub use push::{
    Client, Failure, Position, Pusher, Reason, Retry, Schedule, answered_over_http, refused_over_grpc,
};
pub use resource::Attributes;
pub use settings::{Destination, Settings};
pub use start::{OnGone, Pushers};
pub use stream::{Cumulative, Delta, Stream};
