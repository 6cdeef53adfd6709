#!/usr/bin/env bash
# A lossy network: a client asks a server on the other side of a network; then the network begins to lose packets.
#
#   scripts/cases/lossy-network.sh [-c SECONDS] [-s SECONDS] [URL]
#
#   -c SECONDS  of calm, before (10)
#   -s SECONDS  of trouble (20)
#   URL         the exporter's metrics (http://127.0.0.1:9985/metrics)
#
# Shows from the exporter's metrics who sent segments again, how long connections took and what became of packets, before and
# meanwhile, and closes with the culprit and the victim. Makes two network namespaces, lossy-network (a router) and lossy-peer
# (another machine), the device lossy0 that leads there (198.51.100.0/29, a net for examples), and the cgroups
# /lossy-network/{client,server}, and undoes it. Needs root, Perl, curl, ip, tc. Where the kernel has no netem it says so, and
# takes a link instead that drops what it has no room for.
set -euo pipefail
# shellcheck source=scripts/cases/setting.sh
. "$(dirname "$0")/setting.sh" lossy-network "$@"
needs ip tc

loss=5%
clients=(
  'connects/s=rate:kernel_tcp_opens_total:open_type=active'
  'p50/ms=p50:kernel_tcp_connection_duration_seconds'
  'p99/ms=p99:kernel_tcp_connection_duration_seconds'
  'again/s=rate:kernel_tcp_retransmits_total'
)
drops=('dropped/s=rate:kernel_network_drops_total')
devices=('sent/s=rate:system_network_packet_count_total:network_io_direction=transmit')

make_cgroup /lossy-network
make_cgroup /lossy-network/client
make_cgroup /lossy-network/server
for namespace in lossy-network lossy-peer; do
  ip netns add $namespace || fail "there is a network namespace $namespace already, or there can be none"
  undo+=("ip netns del $namespace")
done
join() { # DEVICE ADDRESS NAMESPACE DEVICE ADDRESS: a cable from one namespace, or from here, to another
  local at=(ip)
  case $1 in */*) at=(ip -n "${1%/*}") ;; esac
  "${at[@]}" link add "${1#*/}" type veth peer name "$4" netns "$3"
  "${at[@]}" addr add "$2/30" dev "${1#*/}"
  "${at[@]}" link set "${1#*/}" up
  ip -n "$3" addr add "$5/30" dev "$4"
  ip -n "$3" link set "$4" up
}
join lossy0 198.51.100.1 lossy-network host 198.51.100.2
undo+=("ip link del lossy0")
join lossy-network/peer 198.51.100.5 lossy-peer eth0 198.51.100.6
ip netns exec lossy-network sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
ip -n lossy-peer route add default via 198.51.100.5
ip route add 198.51.100.4/30 via 198.51.100.2

lose_packets() {
  local at=(ip netns exec lossy-network tc qdisc add dev peer root)
  if "${at[@]}" netem loss "$loss" 2>"$work/netem"; then
    echo "trouble: $seconds s in which the network loses $loss of the packets to the server"
    return
  fi
  echo "lossy-network: THIS KERNEL HAS NO netem ($(tr '\n' ' ' <"$work/netem"))." \
    "On Debian it is the module sch_netem of the package linux-image-amd64, or linux-image-cloud-amd64." >&2
  "${at[@]}" tbf rate 100mbit burst 3000 limit 30000 || fail "nor has it tbf: it cannot lose packets"
  echo "trouble: $seconds s in which the network carries 100 Mbit/s, and drops what is more than twenty packets"
}

# shellcheck disable=SC2016 # Perl's variables, here and below
run_in /lossy-network/server ip netns exec lossy-peer perl -MIO::Socket::INET -e '
  $SIG{CHLD} = "IGNORE";
  my $listener = IO::Socket::INET->new(LocalAddr => "198.51.100.6:7000", Listen => 64, ReuseAddr => 1) or die $!;
  while (my $client = $listener->accept) {
    next if fork;
    while (sysread $client, my $piece, 65536) { substr($piece, -1) ne "\n" || syswrite $client, "." }
    exit;
  }'
for ((n = 0; n < 4; n++)); do # four questions of 20 kB per connection, up to fifty connections per second
  run_in /lossy-network/client perl -MIO::Socket::INET -e '
    while (1) {
      select undef, undef, undef, 0.02;
      my $server = IO::Socket::INET->new("198.51.100.6:7000") or next;
      for (1 .. 4) { print $server "x" x 20000, "\n"; $server->flush; sysread $server, my $answer, 1 or last }
    }'
done
pause 1

look() { # PHASE SECONDS
  watch "$1" "$2"
  rows "$1" "$whose" "${clients[@]}" >"$work/$1-clients"
  show "$work/$1-clients" "${clients[@]}"
  rows "$1" network_interface_name "${devices[@]}" >"$work/$1-devices"
  show "$work/$1-devices" "${devices[@]}"
  rows "$1" drop_reason "${drops[@]}" >"$work/$1-drops"
  show "$work/$1-drops" "${drops[@]}"
}
echo "calm: $calm s"
look calm "$calm"
lose_packets
look trouble "$seconds"

culprit=$(most_grown 1 "$work/calm-drops" "$work/trouble-drops")
culprit=${culprit:-'(not told, the collector network does not measure)'}
victim=$(most_grown 4 "$work/calm-clients" "$work/trouble-clients")
echo "culprit: $culprit: $(cell "$work/trouble-drops" "$culprit" 1) packets per second are dropped, before" \
  "$(cell "$work/calm-drops" "$culprit" 1)"
echo "victim: $victim: $(cell "$work/trouble-clients" "$victim" 4) segments per second are sent again, before" \
  "$(cell "$work/calm-clients" "$victim" 4); a connection takes $(cell "$work/trouble-clients" "$victim" 2) ms (p50; p99" \
  "$(cell "$work/trouble-clients" "$victim" 3) ms), before $(cell "$work/calm-clients" "$victim" 2) ms (p99" \
  "$(cell "$work/calm-clients" "$victim" 3) ms)"
