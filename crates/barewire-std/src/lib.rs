//! barewire on blocking std sockets and threads
