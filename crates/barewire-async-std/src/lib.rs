//! barewire on async-std: sockets, timers, tasks
