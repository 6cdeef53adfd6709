//! Connections to oneself: both of their ends are this machine's, so each is counted twice.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
};

use anyhow::Result;

use super::Bench;

/// Connections per batch.
const CONNECTIONS: u32 = 2_000;

pub(crate) fn run(bench: &Bench) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let connections = || {
        for _ in 0..CONNECTIONS {
            let mut here = TcpStream::connect(address).expect("somebody listens");
            let (mut there, _) = listener.accept().expect("a connection has come");
            let mut byte = [0];
            here.write_all(&byte).and_then(|()| there.read_exact(&mut byte)).expect("loopback delivers");
            there.write_all(&byte).and_then(|()| here.read_exact(&mut byte)).expect("loopback delivers");
        }
    };
    let name = format!("{CONNECTIONS} requests on connections to oneself");
    bench.collector("tcp", "", &name, connections)?;
    bench.collector("tcp", "collectors: {tcp: {by: none}}", &(name.clone() + ", by none"), connections)?;
    bench.collector("tcp", "collectors: {tcp: {detail: counters}}", &(name + ", counters"), connections)
}
