//! HTTP/1.1 by hand, so that it can be broken anywhere.

use std::{collections::BTreeMap, io};

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// A connection with a client.
pub(crate) type Connection = BufReader<TlsStream<TcpStream>>;

/// What a client asks for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub(crate) path: String,
    pub(crate) query: BTreeMap<String, String>,
    pub(crate) headers: BTreeMap<String, String>,
}

impl Request {
    /// A parameter of the query; empty if it isn't there.
    pub(crate) fn parameter(&self, name: &str) -> &str {
        self.query.get(name).map_or("", String::as_str)
    }

    /// The next one on this connection, or nothing at its end.
    pub(crate) async fn read(connection: &mut Connection) -> Option<Self> {
        let first = line(connection).await?;
        let target = first.strip_prefix("GET ")?.strip_suffix(" HTTP/1.1")?;
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let query = pairs.map(|(name, value)| (name.to_owned(), decoded(value))).collect();
        let mut headers = BTreeMap::new();
        loop {
            let line = line(connection).await?;
            match line.split_once(": ") {
                Some((name, value)) => headers.insert(name.to_ascii_lowercase(), value.to_owned()),
                None => return Some(Self { path: path.to_owned(), query, headers }),
            };
        }
    }
}

async fn line(connection: &mut Connection) -> Option<String> {
    let mut line = String::new();
    let length = connection.read_line(&mut line).await.ok()?;
    (length > 0).then(|| line.trim_end().to_owned())
}

fn decoded(value: &str) -> String {
    let mut parts = value.split('%');
    let mut text = parts.next().unwrap_or_default().replace('+', " ");
    for part in parts {
        let (code, rest) = part.split_at(2);
        text.push(char::from(u8::from_str_radix(code, 16).expect("hexadecimal")));
        text.push_str(rest);
    }
    text
}

/// A whole answer.
pub(crate) async fn answer(connection: &mut Connection, status: u16, body: &str) -> io::Result<()> {
    let head = format!(
        "HTTP/1.1 {status} x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    connection.write_all(format!("{head}{body}").as_bytes()).await?;
    connection.flush().await
}

/// The head of an answer that comes in chunks.
pub(crate) async fn begin(connection: &mut Connection) -> io::Result<()> {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    connection.write_all(head.as_bytes()).await?;
    connection.flush().await
}

/// One chunk; an empty one is the end.
pub(crate) async fn chunk(connection: &mut Connection, text: &str) -> io::Result<()> {
    connection.write_all(format!("{:x}\r\n{text}\r\n", text.len()).as_bytes()).await?;
    connection.flush().await
}
