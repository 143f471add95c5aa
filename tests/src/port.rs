//! Ports for those who cannot have the system pick one.

use std::net::SocketAddr;
use std::sync::Arc;

use rustix::fd::OwnedFd;
use rustix::net::{
    AddressFamily, SocketFlags, SocketType, bind, getsockname, socket_with, sockopt,
};

/// A port of the loopback on which nobody listens, until the one does for whom it was reserved.
///
/// A socket is bound to it that does not listen, so that the system gives the port to nobody who asks for any, as a
/// port may be that was free a moment ago. Linux lets another socket listen beside it if both were set to
/// `SO_REUSEADDR`, as servers do; elsewhere the port is only known to have been free.
#[derive(Clone, Debug)]
pub struct Port {
    addr: SocketAddr,
    _bound: Option<Arc<OwnedFd>>,
}

impl Port {
    /// Has the system pick one.
    pub fn reserve() -> Self {
        let flags =
            if cfg!(target_os = "linux") { SocketFlags::CLOEXEC } else { SocketFlags::empty() };
        let bound = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)
            .expect("there are descriptors left");
        sockopt::set_socket_reuseaddr(&bound, true).expect("the socket is open");
        bind(&bound, &SocketAddr::from(([127, 0, 0, 1], 0))).expect("loopback has a free port");
        let addr = getsockname(&bound).expect("the socket is bound");
        let addr = addr.try_into().expect("it is an address of IPv4");
        Self { addr, _bound: cfg!(target_os = "linux").then(|| Arc::new(bound)) }
    }

    /// Where it is.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}
