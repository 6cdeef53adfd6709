//! Workloads that do one thing as fast as they can.

mod direct_reads;
mod ping_pong;

pub(crate) use direct_reads::DirectReads;
pub(crate) use ping_pong::PingPong;
