//! Two connections and their applications over links that split, delay, hold back and cut: everything
//! arrives, or what arrived is the beginning of it.

#![no_main]

use std::time::Duration;

use arbitrary::{Result, Unstructured};
use barewire_fuzz::{Apps, Body, Exchange, Fields, Message};
use barewire_h1::{ClientConnection, Config, ServerConnection};
use barewire_testkit::{Link, Pair};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use libfuzzer_sys::fuzz_target;

fn fields(u: &mut Unstructured<'_>) -> Result<Fields> {
    let mut fields = Vec::new();
    for _ in 0..u.int_in_range(0..=4)? {
        let name = format!("x-{}", u.int_in_range(0..=9)?);
        let name: HeaderName = name.parse().expect("a token");
        if let Ok(value) = HeaderValue::from_bytes(u.arbitrary()?) {
            fields.push((name, value));
        }
    }
    Ok(fields)
}

fn message(u: &mut Unstructured<'_>) -> Result<Message> {
    let fields_of_head = fields(u)?;
    let mut parts = Vec::new();
    for _ in 0..u.int_in_range(0..=4)? {
        let len = *u.choose(&[0, 1, 10, 100, 4095, 4096, 20_000])?;
        parts.push(Bytes::from(vec![u.arbitrary()?; len]));
    }
    let body = match u.int_in_range(0..=2)? {
        0 => Body::Empty,
        1 => Body::Known(parts),
        _ => Body::Chunked(parts, fields(u)?),
    };
    Ok(Message { fields: fields_of_head, body })
}

fn exchange(u: &mut Unstructured<'_>) -> Result<Exchange> {
    let method = u.choose(&[Method::GET, Method::HEAD, Method::POST, Method::DELETE])?.clone();
    let target = *u.choose(&["/", "/a?b=c", "/%20/../x;y"])?;
    let status = *u.choose(&[200, 204, 304, 404, 503])?;
    Ok(Exchange {
        method,
        target: target.parse().expect("a target"),
        request: message(u)?,
        hints: u.int_in_range(0..=3)?,
        status: StatusCode::from_u16(status).expect("a status"),
        response: message(u)?,
    })
}

fn link(u: &mut Unstructured<'_>, cut: Option<u64>) -> Result<Link> {
    let link = Link::seeded(u.arbitrary()?)
        .max_piece(*u.choose(&[1, 7, 1000, 100_000])?)
        .capacity(*u.choose(&[16, 300, 100_000])?)
        .delay(Duration::from_millis(u.int_in_range(0..=5)?));
    Ok(match cut {
        Some(bytes) => link.cut_after(bytes),
        None => link,
    })
}

fn run(u: &mut Unstructured<'_>) -> Result<()> {
    let mut config = Config::default();
    config.limits.max_pipelined = u.int_in_range(1..=4)?;
    let cut = u.ratio(1, 4)?;
    let cuts: [Option<u64>; 2] = match cut {
        true => [Some(u64::from(u.arbitrary::<u16>()?)), Some(u64::from(u.arbitrary::<u16>()?))],
        false => [None, None],
    };
    let (up, down) = (link(u, cuts[0])?, link(u, cuts[1])?);
    let mut exchanges = vec![exchange(u)?];
    while exchanges.len() < 4 && u.ratio(1, 2)? {
        exchanges.push(exchange(u)?);
    }
    let client = ClientConnection::new(config.clone());
    let server = ServerConnection::new(config);
    let mut pair = Pair::over(client, server, up, down);
    let apps = Apps::new(exchanges);
    if cut {
        apps.run_over_bad_links(&mut pair);
        apps.check_beginning();
    } else {
        apps.run(&mut pair);
        apps.check();
    }
    Ok(())
}

fuzz_target!(|data: &[u8]| {
    let _ = run(&mut Unstructured::new(data));
});
