//! barewire on smol: sockets, timers, tasks
