//! Requests as JSON. No I/O.

use barewire::http::request::Parts;
use barewire::http::{HeaderMap, header};
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use serde_json::{Map, Value, json};
use url::form_urlencoded;

/// A request as its server sees it. `json` is its body, where that is JSON; a body that is not text becomes a
/// `data:` URL (RFC 2397).
pub(crate) fn request(head: &Parts, body: &[u8], origin: Option<String>) -> Value {
    let uri = &head.uri;
    let host = head.headers.get(header::HOST).map(|host| String::from_utf8_lossy(host.as_bytes()));
    let url = match uri.authority() {
        Some(_) => uri.to_string(),
        None => format!("http://{}{uri}", host.unwrap_or_default()),
    };
    let data = str::from_utf8(body).map_or_else(
        |_| format!("data:application/octet-stream,{}", percent_encode(body, NON_ALPHANUMERIC)),
        str::to_owned,
    );
    json!({
        "method": head.method.as_str(),
        "url": url,
        "path": uri.path(),
        "args": one_or_many(form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())),
        "headers": fields(&head.headers),
        "data": data,
        "json": serde_json::from_slice(body).unwrap_or(Value::Null),
        "origin": origin,
    })
}

/// The header of a request.
pub(crate) fn headers(headers: &HeaderMap) -> Value {
    json!({ "headers": fields(headers) })
}

fn fields(headers: &HeaderMap) -> Map<String, Value> {
    one_or_many(
        headers
            .iter()
            .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes()))),
    )
}

/// A string for a name that is there once, and a list for one that is there more often.
fn one_or_many<K, V>(pairs: impl Iterator<Item = (K, V)>) -> Map<String, Value>
where
    K: AsRef<str>,
    V: AsRef<str>,
{
    let mut map = Map::new();
    for (name, value) in pairs {
        let value = Value::from(value.as_ref());
        match map.get_mut(name.as_ref()) {
            None => {
                map.insert(name.as_ref().to_owned(), value);
            }
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
    }
    map
}

#[cfg(test)]
mod tests {
    use super::*;
    use barewire::http::Request;

    fn described(target: &str, body: &[u8]) -> Value {
        let request = Request::post(target)
            .header("Host", "h:1")
            .header("X-Twice", "1")
            .header("X-Twice", "2")
            .body(())
            .unwrap();
        super::request(&request.into_parts().0, body, Some("::1".into()))
    }

    #[test]
    fn all_of_it() {
        let wanted = json!({
            "method": "POST",
            "url": "http://h:1/anything/x?a=1&a=2&a=3&b=&c=x+y%26",
            "path": "/anything/x",
            "args": {"a": ["1", "2", "3"], "b": "", "c": "x y&"},
            "headers": {"host": "h:1", "x-twice": ["1", "2"]},
            "data": "{\"k\": [1]}",
            "json": {"k": [1]},
            "origin": "::1",
        });
        assert_eq!(described("/anything/x?a=1&a=2&a=3&b=&c=x+y%26", b"{\"k\": [1]}"), wanted);
    }

    #[test]
    fn bodies_of_other_kinds() {
        let seen = described("http://other/anything", b"k=v");
        assert_eq!(seen["url"], "http://other/anything");
        assert_eq!((&seen["data"], &seen["json"]), (&json!("k=v"), &Value::Null));
        assert_eq!(described("/", b"a\xFF\0")["data"], "data:application/octet-stream,a%FF%00");
        assert_eq!(described("/", b"")["data"], "");
        // Nested as deeply as no parser without a limit survives.
        let deep = "[".repeat(1_000_000);
        assert_eq!(described("/", deep.as_bytes())["json"], Value::Null);
    }
}
