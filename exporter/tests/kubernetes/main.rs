//! What is known about pods, against a server that speaks the list and watch protocol over TLS.

mod cluster;
mod endpoint;
mod failures;
mod kubeconfig;
mod kubelet;
mod log;
mod names;
mod samples;
mod setting;
mod watch;
mod wire;
