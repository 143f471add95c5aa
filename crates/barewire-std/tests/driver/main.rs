//! The driver for threads: nobody waits for the peer with the lock held, and commands reach who waits.

mod lines;

use std::io::{Read, Write};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use barewire_proto::{Bytes, Protocol};
use barewire_rt::DriverError;
use barewire_std::{Driver, TcpListener, TcpStream, UnixStream};
use lines::Lines;

fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap(), &Default::default()).unwrap();
    let client = TcpStream::connect(listener.get_ref().local_addr().unwrap(), None).unwrap();
    let (server, _) = listener.accept_blocking().unwrap();
    (client, server)
}

fn drivers() -> (Driver<Lines>, Driver<Lines>) {
    let (client, server) = tcp_pair();
    (Driver::new(Lines::default(), client), Driver::new(Lines::default(), server))
}

fn echo(driver: &Driver<Lines>) {
    while let Some(line) = driver.next_event().unwrap() {
        driver.with(|lines| lines.say(std::str::from_utf8(&line).unwrap()));
    }
}

/// Waits for events on a thread of its own while `rest` runs, which has waited for the first one.
fn while_waiting(rest: impl FnOnce(&Driver<Lines>, &Driver<Lines>, &mpsc::Receiver<Bytes>)) {
    let (client, server) = drivers();
    thread::scope(|scope| {
        let (heard, hears) = mpsc::channel();
        let waiting = &client;
        scope.spawn(move || {
            while let Some(line) = waiting.next_event().unwrap() {
                heard.send(line).unwrap();
            }
        });
        server.with(|lines| lines.say("ready"));
        server.flush().unwrap();
        assert_eq!(hears.recv().unwrap(), "ready");
        rest(&client, &server, &hears);
        client.with(Lines::finish);
        client.flush().unwrap();
    });
}

#[test]
fn one_thread_sends_while_another_waits() {
    while_waiting(|client, server, hears| {
        thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..200 {
                    let line = server.next_event().unwrap().unwrap();
                    server.with(|lines| lines.say(std::str::from_utf8(&line).unwrap()));
                    server.flush().unwrap();
                }
            });
            for n in 0..200 {
                client.with(|lines| lines.say(&n.to_string()));
                client.flush().unwrap();
                assert_eq!(hears.recv().unwrap(), n.to_string());
            }
        });
    });
}

#[test]
fn all_that_one_read_brought_is_answered_in_one_go() {
    let (client, server) = drivers();
    thread::scope(|scope| {
        scope.spawn(|| echo(&server));
        client.with(|lines| (0..1000).for_each(|n| lines.say(&n.to_string())));
        for n in 0..1000 {
            assert_eq!(client.next_event().unwrap().unwrap(), n.to_string());
        }
        client.with(Lines::finish);
        client.flush().unwrap();
    });
}

#[test]
fn a_deadline_that_a_command_sets_reaches_who_waits() {
    while_waiting(|client, _, hears| {
        let start = Instant::now();
        client.with(|lines| lines.finish_after(Duration::from_millis(30)));
        assert!(hears.recv().is_err(), "the end of the connection");
        assert!(start.elapsed() >= Duration::from_millis(30));
    });
}

#[test]
fn an_event_that_a_command_leads_to_reaches_who_waits() {
    while_waiting(|client, _, hears| {
        for _ in 0..100 {
            client.with(|lines| lines.make_event("made"));
            assert_eq!(hears.recv().unwrap(), "made");
        }
    });
}

#[test]
fn threads_that_wait_at_the_same_time_take_turns() {
    let (client, server) = drivers();
    thread::scope(|scope| {
        let waiters: Vec<_> =
            (0..4).map(|_| scope.spawn(|| client.next_event().unwrap().unwrap())).collect();
        server.with(|lines| (0..4).for_each(|n| lines.say(&n.to_string())));
        server.flush().unwrap();
        let mut heard: Vec<Bytes> =
            waiters.into_iter().map(|waiter| waiter.join().unwrap()).collect();
        heard.sort();
        assert_eq!(heard, ["0", "1", "2", "3"]);
    });
}

#[test]
fn a_paused_protocol_is_not_read_and_goes_on_when_resumed() {
    while_waiting(|client, server, hears| {
        for _ in 0..100 {
            client.with(|lines| lines.pause(true));
            server.with(|lines| lines.say("hello"));
            server.flush().unwrap();
            client.with(|lines| lines.pause(false));
            assert_eq!(hears.recv().unwrap(), "hello");
        }
    });
}

#[test]
fn both_ends_may_send_more_than_the_system_holds() {
    const LINE: usize = 32 * 1024;
    const COUNT: usize = 256;
    let (client, server) = drivers();
    let end = |driver: &Driver<Lines>| {
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut line = vec![b'x'; LINE - 1];
                line.push(b'\n');
                let line = Bytes::from(line);
                for _ in 0..COUNT {
                    driver.with(|lines| lines.say_bytes(line.clone()));
                    driver.flush().unwrap();
                }
            });
            for _ in 0..COUNT {
                assert_eq!(driver.next_event().unwrap().unwrap().len(), LINE - 1);
            }
        });
    };
    thread::scope(|scope| {
        scope.spawn(|| end(&client));
        end(&server);
    });
}

#[test]
fn a_violation_is_told_to_the_peer_first() {
    let (mut client, server) = tcp_pair();
    let server = Driver::new(Lines::default(), server);
    client.write_all(b"good\nbad\0").unwrap();
    assert_eq!(server.next_event().unwrap().unwrap(), "good");
    for _ in 0..2 {
        assert!(matches!(server.next_event(), Err(DriverError::Protocol(_))));
    }
    let mut farewell = String::new();
    client.read_to_string(&mut farewell).unwrap();
    assert_eq!(farewell, "bye\n");
}

#[test]
fn a_reset_is_an_error_and_the_end_of_file_is_not() {
    let (client, server) = tcp_pair();
    client.set_linger(Some(Duration::ZERO)).unwrap();
    drop(client);
    let server = Driver::new(Lines::default(), server);
    assert!(matches!(server.next_event(), Err(DriverError::Io(_))));

    let (client, server) = tcp_pair();
    drop(client);
    assert_eq!(Driver::new(Lines::default(), server).next_event().unwrap(), None);
}

#[test]
fn ending_the_write_side_needs_no_bytes() {
    let (client, mut server) = tcp_pair();
    let client = Driver::new(Lines::default(), client);
    client.with(Lines::finish);
    client.flush().unwrap();
    assert_eq!(server.read(&mut [0]).unwrap(), 0);
}

#[test]
fn what_was_not_consumed_is_handed_on() {
    let (mut client, server) = UnixStream::pair().unwrap();
    client.write_all(b"one\nanother protocol").unwrap();
    let server = Driver::new(Lines::default(), server);
    assert_eq!(server.next_event().unwrap().unwrap(), "one");
    let (mut lines, mut server) = server.into_parts();
    assert_eq!(lines.input().filled(), b"another protocol");
    drop(client);
    assert_eq!(server.read(&mut [0]).unwrap(), 0);
}
