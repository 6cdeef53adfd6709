//! Soft interrupts: datagrams to oneself raise `net_rx` for each.

use std::net::UdpSocket;

use anyhow::Result;

use super::Bench;

pub(crate) fn run(bench: &Bench) -> Result<()> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.connect(socket.local_addr()?)?;
    let datagrams = || {
        for _ in 0..10_000 {
            let mut byte = [0];
            socket.send(&byte).and_then(|_| socket.recv(&mut byte)).expect("loopback delivers");
        }
    };
    bench.collector("interrupts", "", "datagrams to oneself", datagrams)
}
