//! Every round trip that the kernel measures, where the config asks for it.
//!
//! A program of a cgroup's sockets is called once per round trip of those that asked for it, not once per packet
//! (`tcp_rtt_estimator`, net/ipv4/tcp_input.c). A socket asks when its connection is established, so connections that are
//! older than the program are missing. What others have asked for stays asked for, and what they have answered stays
//! answered: this program answers nothing.

use aya_ebpf::programs::SockOpsContext;
use exporter_common::tcp::{operation, series};
use exporter_ebpf::{kernel::Struct, rows::Cpu};

use crate::{fields::field, socket::Socket, whose};

/// `BPF_SOCK_OPS_RTT_CB_FLAG`
const TELL_ROUND_TRIPS: u32 = 1 << 3;

/// The kernel has come to this point with a socket.
#[inline(always)]
pub fn follow(cpu: Cpu, ctx: &SockOpsContext) {
    match ctx.op() {
        operation::ACTIVE_ESTABLISHED | operation::PASSIVE_ESTABLISHED => {
            // It fails for what is no whole socket, which measures nothing either.
            let _ = ctx.set_cb_flags((ctx.cb_flags() | TELL_ROUND_TRIPS).cast_signed());
        }
        operation::ROUND_TRIP => measured(cpu, ctx),
        _ => {}
    }
}

/// It has measured a round trip.
#[inline(always)]
fn measured(cpu: Cpu, ctx: &SockOpsContext) {
    // SAFETY: the context's own field; the verifier knows what it points to.
    let socket = Struct::new(unsafe { (*ctx.ops).__bindgen_anon_2.sk }.cast_const().cast());
    if socket.is_null() {
        return;
    }
    let Some(tcp) = Socket::new(socket.as_ptr()).tcp() else { return };
    let (measured, smoothed) = (ctx.arg(0), ctx.arg(1));
    // Before 6.10 there are no arguments; then it is that of the segment sent last among those that were acknowledged.
    let microseconds = if smoothed != 0 { measured } else { tcp.read(field!(latest_rtt_us)) };
    // It begins with its `struct sock`.
    let socket = Socket::new(tcp.as_ptr());
    let nanoseconds = u64::from(microseconds) * 1000;
    cpu.observe(series::EACH_ROUND_TRIP, socket.is_loopback().into(), whose::of(socket), nanoseconds);
}
