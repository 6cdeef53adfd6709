//! A body that knows when it has been taken.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

/// Handed out in pieces of this size. The server takes another piece only when the socket has taken most of
/// what came before, so whoever has taken the last piece has received all but the socket's buffers.
const PIECE: usize = 64 << 10;

/// A body in memory that calls back when its last piece is taken, and holds something until it is dropped.
pub(super) struct Delivery<Held> {
    rest: Bytes,
    delivered: Option<Box<dyn FnOnce() + Send>>,
    _held: Held,
}

impl<Held> Delivery<Held> {
    /// Delivers `body`. `delivered` is not called when the client goes away earlier, nor for HEAD.
    pub(super) fn new(body: Vec<u8>, held: Held, delivered: impl FnOnce() + Send + 'static) -> Self {
        Self { rest: body.into(), delivered: Some(Box::new(delivered)), _held: held }
    }
}

impl<Held: Unpin> Body for Delivery<Held> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let length = self.rest.len().min(PIECE);
        let piece = self.rest.split_to(length);
        if self.rest.is_empty()
            && let Some(delivered) = self.delivered.take()
        {
            delivered();
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{Arc, atomic::AtomicBool, atomic::Ordering},
        task::Waker,
    };

    use super::*;

    #[test]
    fn only_the_last_piece_counts_as_delivery() {
        let delivered = Arc::new(AtomicBool::new(false));
        let called = Arc::clone(&delivered);
        let mut body = Delivery::new(vec![7; PIECE + 1], (), move || called.store(true, Ordering::SeqCst));
        assert_eq!(body.size_hint().exact(), Some(PIECE as u64 + 1));
        for (length, last) in [(PIECE, false), (1, true)] {
            let frame = Pin::new(&mut body).poll_frame(&mut Context::from_waker(Waker::noop()));
            let Poll::Ready(Some(Ok(frame))) = frame else { panic!("no piece") };
            assert_eq!(frame.into_data().expect("data").len(), length);
            assert_eq!((delivered.load(Ordering::SeqCst), body.is_end_stream()), (last, last));
        }
    }
}
