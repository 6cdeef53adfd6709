//! Connections to oneself: both of their ends are this machine's, so each is counted twice.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
};

use anyhow::{Context as _, Result};

use super::Bench;

/// Connections per batch.
const CONNECTIONS: u32 = 2_000;

/// What this network namespace has sent and received.
fn segments() -> Result<u64> {
    let text = fs::read_to_string("/proc/net/snmp")?;
    let values =
        text.lines().filter_map(|line| line.strip_prefix("Tcp: ")).nth(1).context("no line for TCP")?;
    // InSegs, OutSegs
    let values = values.split(' ').skip(9).take(2).map(str::parse::<u64>);
    Ok(values.collect::<Result<Vec<_>, _>>()?.iter().sum())
}

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
    let before = segments()?;
    connections();
    let per_connection = (segments()? - before) as f64 / f64::from(CONNECTIONS);
    println!("| tcp | {name} | (segments sent and received per connection: {per_connection:.1}) | | | |");
    bench.collector("tcp", "", &name, connections)?;
    bench.collector("tcp", "collectors: {tcp: {by: none}}", &(name.clone() + ", by none"), connections)?;
    let each = name.clone() + ", with each round trip";
    bench.collector("tcp", "collectors: {tcp: {round_trips: true}}", &each, connections)?;
    bench.collector("tcp", "collectors: {tcp: {detail: counters}}", &(name + ", counters"), connections)
}
