//! The server over loopback: what it answers, what it refuses, and how it ends.

mod control;
mod pages;
mod scrapes;
mod site;
