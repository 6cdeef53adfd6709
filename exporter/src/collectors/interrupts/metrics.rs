//! Metrics of the `interrupts` collector.

use crate::{
    catalogue::{Kind, Metric, Unit, keys},
    collectors::Description,
};

/// See its help.
pub static HARD_DURATION: Metric = Metric {
    name: "kernel.interrupt.duration",
    kind: Kind::Durations,
    unit: Unit::Seconds,
    help: "Time that handlers of hard interrupts took; its count is that of /proc/interrupts where a line is not shared",
    identity: &[],
    attributes: &[&keys::INTERRUPT],
    source: "tracepoints irq:irq_handler_entry, irq:irq_handler_exit (kernel/irq/handle.c)",
};

/// See its help.
pub static SOFT_DURATION: Metric = Metric {
    name: "kernel.softirq.duration",
    kind: Kind::Durations,
    unit: Unit::Seconds,
    help: "Time that soft interrupts took, with the hard ones that interrupted them; its count is that of \
           /proc/softirqs",
    identity: &[],
    attributes: &[&keys::SOFTIRQ],
    source: "tracepoints irq:softirq_entry, irq:softirq_exit (kernel/softirq.c)",
};

/// See its help.
pub static SOFT_LATENCY: Metric = Metric {
    name: "kernel.softirq.latency",
    kind: Kind::Durations,
    unit: Unit::Seconds,
    help: "Time from the first request for a soft interrupt to its start",
    identity: &[],
    attributes: &[&keys::SOFTIRQ],
    source: "tracepoints irq:softirq_raise, irq:softirq_entry (kernel/softirq.c)",
};

/// See its help.
pub static CPU_TIME: Metric = Metric {
    name: "kernel.interrupt.cpu.time",
    kind: Kind::Counter,
    unit: Unit::Seconds,
    help: "Time that a CPU spent in interrupts; the soft ones' has that of the hard ones that interrupted them. Only with \
           `per_cpu: true`",
    identity: &[],
    attributes: &[&keys::CPU, &keys::INTERRUPT_TYPE],
    source: "tracepoints irq:irq_handler_exit, irq:softirq_exit",
};

/// The collector.
pub static DESCRIPTION: Description = Description {
    name: "interrupts",
    about: "How long hard and soft interrupts took, and how long soft ones waited. Interrupts of the CPU itself (timers, \
            inter-processor interrupts) have no handlers and are not among the hard ones.",
    metrics: &[&HARD_DURATION, &SOFT_DURATION, &SOFT_LATENCY, &CPU_TIME],
};
