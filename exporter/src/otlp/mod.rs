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
mod start;
mod stream;

pub use batch::Batch;
pub use encode::{Encoder, Form};
pub use environment::{Settings, settings};
pub use push::{Client, Failure, Pusher, Reason, Retry, Schedule};
pub use resource::Attributes;
pub use start::Pushers;
pub use stream::{Cumulative, Delta, Stream};
