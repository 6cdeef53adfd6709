//! What a socket tells.

use aya_ebpf::helpers::generated::bpf_skc_to_tcp_sock;
use exporter_common::{
    ABSENT,
    tcp::{ListenerKey, state},
};
use exporter_ebpf::kernel::Struct;

use crate::fields::field;

/// `IPPROTO_TCP`
const TCP: u16 = 6;

/// `AF_INET6`
const AF_INET6: u16 = 10;

/// A `struct sock`.
#[derive(Clone, Copy)]
pub struct Socket(Struct);

impl Socket {
    /// From a program's arguments.
    #[inline(always)]
    pub fn new(pointer: *const u8) -> Self {
        Self(Struct::new(pointer))
    }

    /// The structure.
    #[inline(always)]
    pub fn as_struct(self) -> Struct {
        self.0
    }

    /// What is remembered is remembered under this.
    #[inline(always)]
    pub fn address(self) -> u64 {
        self.0.as_ptr::<u8>() as u64
    }

    /// Whether it is one of TCP: SCTP, DCCP and MPTCP change their states as well.
    #[inline(always)]
    pub fn is_tcp(self) -> bool {
        self.0.read::<u16>(field!(protocol)) == TCP
    }

    /// Nothing where there is none, or one of the smaller structures that stand for one.
    ///
    /// The verifier of some kernels believes that there always is one and removes the first check, but not the second.
    #[inline(always)]
    pub fn if_whole(self) -> Option<Self> {
        if self.0.is_null() || self.0.address_bits() == 0 {
            return None;
        }
        (!matches!(self.state(), state::TIME_WAIT | state::NEW_SYN_RECV)).then_some(self)
    }

    /// Its state.
    #[inline(always)]
    pub fn state(self) -> u32 {
        self.0.read::<u8>(field!(state)).into()
    }

    /// The error that it is in.
    #[inline(always)]
    pub fn error(self) -> u32 {
        self.0.read(field!(error))
    }

    /// Whether the other end has said that nothing more comes.
    #[inline(always)]
    pub fn is_done(self) -> bool {
        self.0.read::<u64>(field!(flags)) >> field!(done_flag) & 1 == 1
    }

    /// Whether a listener refuses to remember more connections (`sk_acceptq_is_full`, include/net/sock.h).
    #[inline(always)]
    pub fn accept_queue_is_full(self) -> bool {
        self.0.read::<u32>(field!(ack_backlog)) > self.0.read::<u32>(field!(max_ack_backlog))
    }

    /// The `tcp_sock` that it is part of.
    #[inline(always)]
    pub fn tcp(self) -> Option<Struct> {
        // SAFETY: the verifier knows that it is a socket.
        let tcp = Struct::new(unsafe { bpf_skc_to_tcp_sock(self.0.as_ptr()) }.cast_const().cast());
        if tcp.is_null() { None } else { Some(tcp) }
    }

    /// Whether the other end is on this host too, in the same network namespace.
    #[inline(always)]
    pub fn is_loopback(self) -> bool {
        let (mut other, mut own): (u32, u32) = (self.0.read(field!(daddr)), self.0.read(field!(rcv_saddr)));
        if self.is_v6() {
            let others = self.words(field!(v6_daddr));
            let owns = self.words(field!(v6_rcv_saddr));
            // IPv4 in IPv6, ::ffff:127.0.0.1, stands in both places.
            let is_mapped = others[0] == 0 && others[1] as u32 == 0xffff_0000;
            if !is_mapped {
                return others[0] == owns[0] && others[1] == owns[1];
            }
            (other, own) = ((others[1] >> 32) as u32, (owns[1] >> 32) as u32);
        }
        other == own || other & 0xff == 127
    }

    /// By what the connections of a listener find it. When their sockets are made they are copies of it; newer kernels
    /// have given them their own local address by then.
    #[inline(always)]
    pub fn listener_key(self) -> ListenerKey {
        let address = if self.is_v6() {
            self.words(field!(v6_rcv_saddr))
        } else {
            [self.0.read::<u32>(field!(rcv_saddr)).into(), 0]
        };
        ListenerKey {
            namespace: self.0.read(field!(net)),
            address,
            port: self.0.read::<u16>(field!(num)).into(),
        }
    }

    #[inline(always)]
    fn is_v6(self) -> bool {
        field!(v6_daddr) != ABSENT && self.0.read::<u16>(field!(family)) == AF_INET6
    }

    #[inline(always)]
    fn words(self, offset: u32) -> [u64; 2] {
        [self.0.read(offset), self.0.read(offset + 8)]
    }
}
