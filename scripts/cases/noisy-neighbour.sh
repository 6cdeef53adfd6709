#!/usr/bin/env bash
# A noisy neighbour: two containers share a CPU. One has some 10 ms of work every 50 ms; then the other one begins to calculate.
#
#   scripts/cases/noisy-neighbour.sh [-c SECONDS] [-s SECONDS] [URL]
#
#   -c SECONDS  of calm, before (10)
#   -s SECONDS  of trouble (20)
#   URL         the exporter's metrics (http://127.0.0.1:9985/metrics)
#
# Shows from the exporter's metrics who ran, who waited for a CPU and for how long, before and meanwhile, and closes with the
# culprit and the victim. Makes the cgroups /noisy-neighbour/{victim,neighbour} and forty processes on the last CPU, and undoes
# it. Needs root, Perl, curl, taskset. All of it competes in one group of the scheduler, as containers without CPU requests do.
set -euo pipefail
# shellcheck source=scripts/cases/setting.sh
. "$(dirname "$0")/setting.sh" noisy-neighbour "$@"
needs taskset

neighbours=40
cpu=$(sed -n 's/^Cpus_allowed_list:.*[^0-9]\([0-9]*\)$/\1/p' /proc/self/status)
columns=(
  'running=rate:kernel_thread_time_seconds_total:activity=running'
  'waiting=rate:kernel_thread_time_seconds_total:activity=run_queue'
  'slices/s=rate:kernel_scheduler_run_queue_latency_seconds_count'
  'p99/ms=p99:kernel_scheduler_run_queue_latency_seconds'
  'p50/ms=p50:kernel_scheduler_run_queue_latency_seconds'
)

make_cgroup /noisy-neighbour
make_cgroup /noisy-neighbour/victim
make_cgroup /noisy-neighbour/neighbour
run_in /noisy-neighbour/victim taskset -c "$cpu" \
  perl -e 'while (1) { select undef, undef, undef, 0.04; 1 for 1 .. 400000 }'
pause 1

echo "calm: $calm s"
watch calm "$calm"
rows calm "$whose" "${columns[@]}" >"$work/calm"
show "$work/calm" "${columns[@]}"

echo "trouble: $seconds s with $neighbours processes of a neighbour that never sleep, on CPU $cpu"
for ((n = 0; n < neighbours; n++)); do
  run_in /noisy-neighbour/neighbour taskset -c "$cpu" perl -e '1 while 1'
done
watch trouble "$seconds"
rows trouble "$whose" "${columns[@]}" >"$work/trouble"
show "$work/trouble" "${columns[@]}"

culprit=$(most_grown 1 "$work/calm" "$work/trouble")
victim=$(most_grown 5 "$work/calm" "$work/trouble" "$culprit")
echo "culprit: $culprit: $(cell "$work/trouble" "$culprit" 1) threads ran at a time, before $(cell "$work/calm" "$culprit" 1)"
echo "victim: $victim: a slice waits $(cell "$work/trouble" "$victim" 5) ms for its CPU (p50; p99" \
  "$(cell "$work/trouble" "$victim" 4) ms), before $(cell "$work/calm" "$victim" 5) ms (p99 $(cell "$work/calm" "$victim" 4) ms)"
