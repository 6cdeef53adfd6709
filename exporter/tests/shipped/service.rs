//! The program under a service manager, which this test plays: it listens to what is said and passes sockets.

use std::{
    env, fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream, UdpSocket},
    os::{
        fd::{AsRawFd as _, RawFd},
        unix::{net::UnixDatagram, process::CommandExt as _},
    },
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use crate::{
    BINARY,
    harness::{die_with_parent, turn, unique},
};

/// Slow enough for a machine under load.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn is_ready_when_it_serves_and_alive_while_it_reads() {
    let Some(_turn) = turn() else { return };
    let manager = Manager::new();
    let mut service = Service::start(&[], Some(&manager), Stdio::null());
    let ready = manager.hears();
    assert!(ready.contains("READY=1\n"), "{ready}");
    let (_, address) = ready.split_once("collectors measure, serving on ").expect(&ready);
    let body = get(address.trim().parse().expect(&ready));
    assert!(
        body.contains("\nkernel_exporter_reads_total ") && body.contains("\nkernel_scheduler_"),
        "it is not ready"
    );
    for _ in 0..3 {
        assert_eq!(manager.hears(), "WATCHDOG=1\n");
    }
    service.signal(libc::SIGHUP);
    let reloading = manager.hears_news();
    assert!(reloading.starts_with("RELOADING=1\nMONOTONIC_USEC="), "{reloading}");
    assert_eq!(manager.hears_news(), ready);
    service.signal(libc::SIGTERM);
    assert_eq!(manager.hears_news(), "STOPPING=1\nSTATUS=ending\n");
    assert!(service.0.wait().expect("a child").success());
}

#[test]
fn serves_on_the_manager_s_socket() {
    let Some(_turn) = turn() else { return };
    let manager = Manager::new();
    let socket = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = socket.local_addr().expect("bound");
    let service = Service::start(&[socket.as_raw_fd()], Some(&manager), Stdio::null());
    drop(socket);
    // What is asked before it is ready waits in the kernel.
    assert!(get(address).contains("kernel_exporter_build_info"));
    let ready = manager.hears();
    assert!(ready.contains(&format!("serving on {address}\n")), "{ready}");
    drop(service);
}

#[test]
fn says_what_is_wrong_with_a_socket() {
    let tcp = TcpListener::bind("127.0.0.1:0").expect("a port");
    let udp = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let connection = TcpStream::connect(tcp.local_addr().expect("bound")).expect("it listens");
    for (sockets, complaint) in [
        (&[tcp.as_raw_fd(), udp.as_raw_fd()][..], "passed 2 sockets, of which one can be used"),
        (&[udp.as_raw_fd()], "a socket that is no TCP socket"),
        (&[connection.as_raw_fd()], "a socket that is a connection"),
    ] {
        let mut service = Service::start(sockets, None, Stdio::piped());
        let mut said = String::new();
        service.0.stderr.take().expect("piped").read_to_string(&mut said).expect("text");
        assert_eq!(service.0.wait().expect("a child").code(), Some(1), "{said}");
        assert!(said.contains(complaint), "{said}");
    }
}

/// Who listens to what the service says.
struct Manager {
    socket: UnixDatagram,
    path: PathBuf,
}

impl Manager {
    fn new() -> Self {
        let path = env::temp_dir().join(unique("notify"));
        let socket = UnixDatagram::bind(&path).expect("a folder for temporary files");
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        Self { socket, path }
    }

    /// The next thing that is said.
    fn hears(&self) -> String {
        let mut said = [0; 4096];
        let length = self.socket.recv(&mut said).expect("the service says something");
        String::from_utf8_lossy(&said[..length]).into_owned()
    }

    /// The next thing that is said but for being alive.
    fn hears_news(&self) -> String {
        loop {
            let said = self.hears();
            if said != "WATCHDOG=1\n" {
                return said;
            }
        }
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// The program, killed when dropped.
struct Service(Child);

impl Service {
    /// With these sockets, as a manager passes them: from descriptor 3 on, named by the environment.
    fn start(sockets: &[RawFd], manager: Option<&Manager>, stderr: Stdio) -> Self {
        // Only the process itself knows its id before it runs.
        let script = "export LISTEN_PID=$$; exec \"$0\" --config /dev/null --listen 127.0.0.1:0";
        let mut command = Command::new("sh");
        command.args(["-c", script, BINARY]).env("LISTEN_FDS", sockets.len().to_string());
        command.env_remove("NOTIFY_SOCKET").stdin(Stdio::null()).stderr(stderr);
        if let Some(manager) = manager {
            command.env("NOTIFY_SOCKET", &manager.path).env("WATCHDOG_USEC", "400000");
        }
        let sockets = sockets.to_owned();
        // SAFETY: the closure only makes system calls that are allowed between fork and exec.
        unsafe { command.pre_exec(move || pass(&sockets).map_err(std::io::Error::from_raw_os_error)) };
        Self(command.spawn().expect("sh starts"))
    }

    fn signal(&self, signal: libc::c_int) {
        // SAFETY: no preconditions; the child has not been waited for, so the id is its own.
        assert_eq!(unsafe { libc::kill(self.0.id() as libc::pid_t, signal) }, 0);
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Copies descriptors to 3 and on; the error is a number of errno.
fn pass(sockets: &[RawFd]) -> Result<(), i32> {
    /// Out of the way of those that are written.
    const ASIDE: RawFd = 100;
    die_with_parent()?;
    let done = |result: libc::c_int| match result {
        // SAFETY: this thread's own errno.
        -1 => Err(unsafe { *libc::__errno_location() }),
        descriptor => Ok(descriptor),
    };
    for (place, socket) in (ASIDE..).zip(sockets) {
        // SAFETY: a call without pointers.
        done(unsafe { libc::dup2(*socket, place) })?;
    }
    for place in 0..sockets.len() as RawFd {
        // SAFETY: as above.
        done(unsafe { libc::dup2(ASIDE + place, 3 + place) })?;
        // SAFETY: as above.
        done(unsafe { libc::close(ASIDE + place) })?;
    }
    Ok(())
}

/// The body of a scrape.
fn get(address: std::net::SocketAddr) -> String {
    let mut connection = TcpStream::connect(address).expect("it listens");
    connection.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let request = "GET /metrics HTTP/1.1\r\nHost: exporter\r\nConnection: close\r\n\r\n";
    connection.write_all(request.as_bytes()).expect("it reads");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).expect("text");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    answer
}
