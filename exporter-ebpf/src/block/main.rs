#![no_std]
#![no_main]
use exporter_ebpf as _;
