//! What both ends of the `h2` crate need: bodies within the windows, and fields of many kinds.

use std::future::poll_fn;

use barewire_testkit::Random;
use bytes::Bytes;
use h2::{RecvStream, SendStream};
use http::header::{AUTHORIZATION, COOKIE, SET_COOKIE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue};

/// Sends a body as the windows allow, and with it the end of the stream.
///
/// # Errors
///
/// The stream or the connection broke.
pub async fn send(
    stream: &mut SendStream<Bytes>,
    mut body: Bytes,
    trailers: Option<HeaderMap>,
) -> Result<(), h2::Error> {
    while !body.is_empty() {
        stream.reserve_capacity(body.len());
        let room = match poll_fn(|cx| stream.poll_capacity(cx)).await {
            Some(room) => room?,
            None => break,
        };
        let n = room.min(body.len());
        stream.send_data(body.split_to(n), false)?;
    }
    match trailers {
        Some(trailers) => stream.send_trailers(trailers),
        None => stream.send_data(Bytes::new(), true),
    }
}

/// Receives a body and gives the windows back.
///
/// # Errors
///
/// The stream or the connection broke.
pub async fn collect(mut body: RecvStream) -> Result<(Vec<u8>, Option<HeaderMap>), h2::Error> {
    let mut all = Vec::new();
    while let Some(data) = body.data().await {
        let data = data?;
        all.extend_from_slice(&data);
        body.flow_control().release_capacity(data.len())?;
    }
    Ok((all, body.trailers().await?))
}

/// Fields as they come in practice: some in every message, some new each time, secret ones, long ones, repeated
/// ones, values that are not UTF-8.
pub fn fields(random: &mut Random) -> HeaderMap {
    let mut map = HeaderMap::new();
    map.insert(USER_AGENT, HeaderValue::from_static("differential"));
    for _ in 0..below(random, 12) {
        let name = match below(random, 8) {
            0 => AUTHORIZATION,
            1 => COOKIE,
            2 => SET_COOKIE,
            3 => HeaderName::from_bytes(format!("x-{}", below(random, 1000)).as_bytes())
                .expect("a good name"),
            n => HeaderName::from_bytes(format!("x-often-{n}").as_bytes()).expect("a good name"),
        };
        let longest = [1, 10, 40, 300, 3000][below(random, 5)];
        let alphabet: &[u8] = match below(random, 3) {
            0 => b"0123456789abcdef",
            1 => b"The quick brown fox; jumps=over \"the\" lazy dog",
            _ => b"\x80\xff{}|~\\^",
        };
        let length = below(random, longest);
        let value: Vec<u8> = (0..length).map(|_| alphabet[below(random, alphabet.len())]).collect();
        let mut value = HeaderValue::from_bytes(value.trim_ascii()).expect("a good value");
        value.set_sensitive(random.one_in(10));
        // An empty cookie has no place in the joined field.
        if name != COOKIE || !value.is_empty() {
            map.append(name, value);
        }
    }
    map
}

/// The same with one cookie field, into which who hands a request out joins them (RFC 9113, section 8.2.3).
pub fn joined(mut fields: HeaderMap) -> HeaderMap {
    let cookies: Vec<_> = fields.get_all(COOKIE).iter().map(|value| value.as_bytes()).collect();
    if cookies.len() > 1 {
        let value = HeaderValue::from_bytes(&cookies.join(&b"; "[..])).expect("a good value");
        fields.insert(COOKIE, value);
    }
    fields
}

fn below(random: &mut Random, n: usize) -> usize {
    random.within(0..=n - 1)
}
