//! Packets that are dropped: datagrams to a port that nobody listens on.

use std::net::UdpSocket;

use anyhow::Result;

use super::Bench;

pub(crate) fn run(bench: &Bench) -> Result<()> {
    let closed = UdpSocket::bind("127.0.0.1:0")?.local_addr()?;
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    let datagrams = || {
        for _ in 0..10_000 {
            socket.send_to(&[0], closed).expect("an unconnected socket hears of no errors");
        }
    };
    bench.collector("network", "", "datagrams to a closed port", datagrams)
}
