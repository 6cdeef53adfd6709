#![allow(warnings)]
use std::time::{Duration, Instant};
use kernel_exporter::{collectors::{registry::Kernel, rows::RowsCollector, syscalls::Syscalls}, config::Config, hooks::rows::RowsHook, kernel::{btf::Btf, host::{self, Hierarchy}}};
fn call_ns(n: u32) -> f64 { let b = Instant::now(); for _ in 0..n { unsafe { libc::syscall(libc::SYS_getppid) }; } b.elapsed().as_nanos() as f64 / n as f64 }
fn main() {
    host::lift_memlock_limit();
    let kernel = Kernel { btf: Btf::of_running_kernel().unwrap(), hierarchy: Hierarchy::of_this_host().unwrap() };
    let args: Vec<String> = std::env::args().collect();
    println!("bare {:.1}", (0..2000).map(|_| call_ns(1000)).fold(f64::MAX, f64::min));
    for arg in &args[2..] {
        let (object, cfg) = arg.split_once('=').unwrap();
        let bytes: &'static [u8] = Vec::leak({ let v = std::fs::read(object).unwrap(); let mut a: Vec<u64> = vec![0; v.len()/8+1]; let p = a.as_mut_ptr() as *mut u8; unsafe { std::ptr::copy(v.as_ptr(), p, v.len()); std::mem::forget(a); Vec::from_raw_parts(p, v.len(), v.len()) } });
        let config = Config::from_yaml("x", format!("collectors: {{syscalls: {{enabled: true, {cfg}}}}}").as_bytes()).unwrap();
        let (mut plan, _) = Syscalls::plan(&kernel, &config.collectors.syscalls, &config.limits).unwrap();
        plan.object = bytes;
        let hook = RowsHook::attach(&kernel.btf, &kernel.hierarchy, plan, &[bytes]).unwrap();
        let plain = (0..2000).map(|_| call_ns(1000)).fold(f64::MAX, f64::min);
        let stats = args[1] == "1";
        let mut best = std::collections::BTreeMap::new();
        if stats {
            let _s = aya::sys::enable_stats(aya::sys::Stats::RunTime).unwrap();
            for _ in 0..3000 {
                let before: Vec<_> = hook.programs().map(|p| (p.0.name, p.2)).collect();
                call_ns(500);
                for ((n, b), a) in before.iter().zip(hook.programs().map(|p| p.2)) {
                    let ns = (a.run_time_ns - b.run_time_ns) as f64 / (a.run_count - b.run_count) as f64;
                    let e = best.entry(*n).or_insert(f64::MAX); *e = e.min(ns);
                }
            }
        }
        println!("{cfg} {object}: plain {plain:.1} {best:.1?} choice {} rows {:?} notes {:?}", hook.choice().taken().name, hook.rows(), hook.totals().notes);
    }
}
