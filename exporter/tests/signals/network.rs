//! What the network drops and carries, against sockets, sysfs and the counters of the protocols.

use std::{
    collections::BTreeMap,
    fs, io,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
};

use crate::{
    accuracy::{skipped, within},
    harness::*,
};

/// Only this collector, so that the others' programs do not disturb.
const CONFIG: &str = "collectors: {network: {enabled: true}}\n";

const DROPS: &str = "kernel_network_drops_total";

/// Whether this kernel says why it drops packets; one that doesn't must say so, and tell nothing.
fn reasons(exporter: &Exporter) -> bool {
    let scrape = exporter.scrape();
    let lost = [("collector", "network"), ("lost", "packets dropped, by reason")];
    let missing = scrape.series("kernel_exporter_collector_missing_info", &lost).count() == 1;
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").expect("procfs");
    assert_eq!(missing, release.starts_with("5.10."), "Linux 5.17 and later say why, {release}");
    if missing {
        assert_eq!(scrape.series(DROPS, &[]).count(), 0, "what cannot be told is absent");
    }
    !missing
}

/// A counter of /proc/net/snmp.
fn snmp(protocol: &str, name: &str) -> u64 {
    let text = fs::read_to_string("/proc/net/snmp").expect("procfs");
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(protocol)?.strip_prefix(": "));
    let (names, values) = (lines.next().expect("names"), lines.next().expect("values"));
    let at = names.split(' ').position(|found| found == name).expect("the kernel counts it");
    values.split(' ').nth(at).expect("as many values").parse().expect("a number")
}

/// Datagrams to a port that nobody listens on, and to a socket that nobody reads from.
#[test]
fn drops_have_their_reasons() {
    let Some(_turn) = turn() else { return };
    const DATAGRAMS: u64 = 1000;
    let exporter = Exporter::start(CONFIG);
    if !reasons(&exporter) {
        return;
    }
    let sender = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback is up");
    let closed =
        UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback is up").local_addr().expect("bound");
    let full = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback is up");
    let full_address = full.local_addr().expect("bound");
    let read = || (snmp("Udp", "NoPorts"), snmp("Udp", "RcvbufErrors"));
    let (first, before, second) = (read(), exporter.scrape(), read());
    for _ in 0..DATAGRAMS {
        sender.send_to(&[0; 1000], closed).expect("an unconnected socket hears of no errors");
        sender.send_to(&[0; 1000], full_address).expect("it is dropped at the other end");
    }
    let (third, after, fourth) = (read(), exporter.scrape(), read());
    let between = Between { before, after };
    let of = |reason| between.count(DROPS, &[("drop_reason", reason)]);
    let skipped = skipped(&between, "network");
    for (reason, source, truth) in [
        ("no_socket", "Udp NoPorts", third.0 - second.0..=fourth.0 - first.0),
        ("socket_rcvbuff", "Udp RcvbufErrors", third.1 - second.1..=fourth.1 - first.1),
    ] {
        let metric = format!("{DROPS}{{drop_reason=\"{reason}\"}}");
        let least = truth.start().saturating_sub(skipped);
        within(&metric, &format!("/proc/net/snmp {source}"), of(reason), least..=*truth.end());
    }
    assert!(of("no_socket") >= DATAGRAMS - skipped && of("socket_rcvbuff") > 0);
}

/// Packets that are read or freed without harm are no drops, and reasons that never were have no series.
#[test]
fn what_arrives_is_no_drop() {
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start(CONFIG);
    if !reasons(&exporter) {
        return;
    }
    let (between, ()) = exporter.during(|| exchange(2000, 100));
    for reason in ["no_socket", "socket_rcvbuff", "udp_csum", "ip_csum", "nomem", "other"] {
        let drops = between.count(DROPS, &[("drop_reason", reason)]);
        assert!(drops < 100, "{drops} drops by {reason} of what arrived");
    }
    let all = between.count(DROPS, &[]);
    assert!(all < 1000, "{all} drops of 2000 datagrams that arrived");
    let scrape = exporter.scrape();
    assert!(scrape.series(DROPS, &[]).all(|(_, value)| value > 0.0), "a series for what never was");
    for (labels, _) in scrape.series(DROPS, &[]) {
        let reason = &labels["drop_reason"];
        assert!(!reason.contains("consumed") && !reason.contains("not_dropped"), "{reason} is no drop");
    }
}

/// Sends datagrams of so many bytes to oneself, and reads each.
fn exchange(datagrams: u64, bytes: usize) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback is up");
    let address: SocketAddr = socket.local_addr().expect("bound");
    let mut buffer = vec![0; bytes];
    for _ in 0..datagrams {
        socket.send_to(&buffer.clone(), address).expect("loopback carries it");
        assert_eq!(socket.recv(&mut buffer).expect("loopback delivers it"), bytes);
    }
}

/// What sysfs says of a device, under the same names as the metrics with their directions.
fn sysfs(device: &str) -> BTreeMap<(&'static str, &'static str), u64> {
    let files = [
        ("system_network_io_bytes_total", "receive", "rx_bytes"),
        ("system_network_io_bytes_total", "transmit", "tx_bytes"),
        ("system_network_packet_count_total", "receive", "rx_packets"),
        ("system_network_packet_count_total", "transmit", "tx_packets"),
        ("system_network_errors_total", "receive", "rx_errors"),
        ("system_network_errors_total", "transmit", "tx_errors"),
        ("system_network_packet_dropped_total", "transmit", "tx_dropped"),
    ];
    let read = |(metric, direction, file)| {
        let path = format!("/sys/class/net/{device}/statistics/{file}");
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        ((metric, direction), text.trim().parse().expect("a number"))
    };
    files.into_iter().map(read).collect()
}

#[test]
fn devices_carry_what_sysfs_says() {
    let Some(_turn) = turn() else { return };
    const DATAGRAMS: u64 = 1000;
    const BYTES: u64 = 1000;
    let exporter = Exporter::start(CONFIG);
    let (first, before, second) = (sysfs("lo"), exporter.scrape(), sysfs("lo"));
    exchange(DATAGRAMS, BYTES as usize);
    let (third, after, fourth) = (sysfs("lo"), exporter.scrape(), sysfs("lo"));
    let between = Between { before, after };
    for (metric, direction) in first.keys() {
        let counted =
            between.count(metric, &[("network_interface_name", "lo"), ("network_io_direction", direction)]);
        let at = (*metric, *direction);
        within(
            &format!("{metric}{{network_io_direction=\"{direction}\"}}"),
            "/sys/class/net/lo/statistics",
            counted,
            third[&at] - second[&at]..=fourth[&at] - first[&at],
        );
        let least = match *metric {
            "system_network_io_bytes_total" => DATAGRAMS * (BYTES + 28),
            "system_network_packet_count_total" => DATAGRAMS,
            _ => 0,
        };
        assert!(counted >= least, "{metric}: {counted}, and {least} were sent");
    }
    let softnet = between.count("kernel_network_softnet_packets_total", &[]);
    assert!(softnet >= DATAGRAMS, "{softnet} packets in soft interrupts");
}

/// The columns of /proc/net/softnet_stat over all CPUs; CPUs do not come or go meanwhile.
#[test]
fn soft_interrupts_receive_what_the_kernel_says() {
    let Some(_turn) = turn() else { return };
    let read = || -> [u64; 3] {
        let text = fs::read_to_string("/proc/net/softnet_stat").expect("procfs");
        let mut sums = [0; 3];
        for line in text.lines() {
            for (sum, word) in sums.iter_mut().zip(line.split_whitespace()) {
                *sum += u64::from_str_radix(word, 16).expect("hexadecimal");
            }
        }
        sums
    };
    let exporter = Exporter::start(CONFIG);
    let (first, before, second) = (read(), exporter.scrape(), read());
    exchange(3000, 100);
    let (third, after, fourth) = (read(), exporter.scrape(), read());
    let between = Between { before, after };
    for (at, name) in ["packets", "drops", "squeezes"].into_iter().enumerate() {
        let metric = format!("kernel_network_softnet_{name}_total");
        let counted = between.count(&metric, &[]);
        within(&metric, "/proc/net/softnet_stat", counted, third[at] - second[at]..=fourth[at] - first[at]);
    }
}

/// A tap device, which goes when its file is closed; what is written to the file is received.
struct Tap(fs::File);

impl Tap {
    fn make(name: &str) -> Self {
        let file = fs::File::options().read(true).write(true).open("/dev/net/tun").expect("/dev/net/tun");
        // SAFETY: zeroes are a valid request.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
            *to = from.cast_signed();
        }
        request.ifr_ifru.ifru_flags = (libc::IFF_TAP | libc::IFF_NO_PI) as libc::c_short;
        // SAFETY: requests are valid, and the descriptors are our own.
        unsafe {
            let result = libc::ioctl(std::os::fd::AsRawFd::as_raw_fd(&file), libc::TUNSETIFF, &mut request);
            assert_eq!(result, 0, "cannot make {name}: {}", io::Error::last_os_error());
            let socket = libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0);
            request.ifr_ifru.ifru_flags = libc::IFF_UP as libc::c_short;
            assert_eq!(libc::ioctl(socket, libc::SIOCSIFFLAGS, &mut request), 0, "cannot switch it on");
            libc::close(socket);
        }
        Self(file)
    }

    /// Lets it receive frames of so many bytes, which are for nobody.
    fn receive(&mut self, frames: u64, bytes: usize) {
        let mut frame = vec![0; bytes];
        frame[..14].copy_from_slice(&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5]);
        for _ in 0..frames {
            io::Write::write_all(&mut self.0, &frame).expect("the device is on");
        }
    }
}

/// Devices come, go, and come again under the same name; what they receive is counted once, and nothing goes back.
#[test]
fn a_device_that_comes_again_counts_on() {
    let Some(_turn) = turn() else { return };
    if !std::path::Path::new("/dev/net/tun").exists() {
        return println!("SKIPPED: this kernel has no /dev/net/tun");
    }
    let exporter = Exporter::start(CONFIG);
    let name = format!("ke{}", std::process::id());
    let labels = [("network_interface_name", &*name), ("network_io_direction", "receive")];
    let counted = |metric| exporter.scrape().sum(metric, &labels);
    let (packets, bytes) = ("system_network_packet_count_total", "system_network_io_bytes_total");
    let mut tap = Tap::make(&name);
    tap.receive(100, 60);
    within(packets, "frames written to a tap", counted(packets), 100..=100);
    // Another one of this name, with less, before anybody has looked.
    drop(tap);
    let mut tap = Tap::make(&name);
    tap.receive(30, 100);
    within(packets, "frames written to a tap made anew", counted(packets), 130..=130);
    assert_eq!(counted(bytes), 100 * 60 + 30 * 100);
    // And one after the series of the former has ended.
    drop(tap);
    wait_for("the series ends", || exporter.scrape().series(packets, &labels).count() == 0);
    let mut tap = Tap::make(&name);
    tap.receive(5, 60);
    within(packets, "frames written to a tap that was gone", counted(packets), 5..=5);
}

/// With no device told apart, all are in one series, which the sum over the others is not part of.
#[test]
fn devices_beyond_the_limit_share_a_series() {
    let Some(_turn) = turn() else { return };
    let exporter = Exporter::start(&CONFIG.replace("enabled: true", "devices: 0"));
    let (between, ()) = exporter.during(|| exchange(500, 1000));
    let labels = [("network_interface_name", "(all other devices)"), ("network_io_direction", "transmit")];
    assert!(between.count("system_network_packet_count_total", &labels) >= 500);
    let series = between.after.series("system_network_packet_count_total", &[]).count();
    assert_eq!(series, 2, "one for each direction");
}
