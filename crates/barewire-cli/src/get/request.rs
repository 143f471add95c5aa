//! From the command line to a request. No I/O.

use std::fmt;

use barewire::client::Body;
use barewire::http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HOST, USER_AGENT};
use barewire::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Version};

use super::url::{self, UrlError};

/// A request as it is asked for.
pub(crate) struct Wish<'a> {
    pub(crate) url: &'a str,
    pub(crate) method: Option<&'a str>,
    pub(crate) fields: &'a [String],
    pub(crate) data: Option<String>,
}

/// A wish that is no request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum WishError {
    Field(String),
    Method(String),
    Url(UrlError),
}

const AGENT: HeaderValue =
    HeaderValue::from_static(concat!("barewire/", env!("CARGO_PKG_VERSION")));

/// The request, with every field that is sent except those that its framing takes.
pub(crate) fn request(wish: Wish<'_>) -> Result<Request<Body>, WishError> {
    let uri = url::parse(wish.url).map_err(WishError::Url)?;
    let method = match wish.method {
        Some(method) => Method::from_bytes(method.as_bytes())
            .map_err(|_| WishError::Method(method.to_owned()))?,
        None if wish.data.is_some() => Method::POST,
        None => Method::GET,
    };
    let mut request = Request::new(Body::empty());
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    let fields = request.headers_mut();
    for given in wish.fields {
        let (name, value) = field(given).ok_or_else(|| WishError::Field(given.clone()))?;
        fields.append(name, value);
    }
    fields.entry(USER_AGENT).or_insert(AGENT);
    fields.entry(ACCEPT).or_insert(HeaderValue::from_static("*/*"));
    if let Some(data) = wish.data {
        // What forms send is what most servers expect.
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        fields.entry(CONTENT_TYPE).or_insert(form);
        *request.body_mut() = data.into();
    }
    Ok(request)
}

fn field(given: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = given.split_once(':')?;
    let value = value.trim_matches([' ', '\t']);
    Some((name.parse().ok()?, HeaderValue::from_bytes(value.as_bytes()).ok()?))
}

/// The head of a request, as it is sent over a version of HTTP.
pub(crate) fn shown_request(request: &Request<Body>, version: Version) -> Vec<String> {
    let uri = request.uri();
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let mut lines = vec![format!("{} {target} {version:?}", request.method())];
    if let (false, Some(authority)) = (request.headers().contains_key(HOST), uri.authority()) {
        lines.push(format!("host: {authority}"));
    }
    lines.extend(request.headers().iter().map(shown_field));
    match http_body::Body::size_hint(request.body()).exact() {
        Some(0) | None => {}
        Some(length) => lines.push(format!("{CONTENT_LENGTH}: {length}")),
    }
    lines
}

/// The head of a response.
pub(crate) fn shown_response(
    version: Version,
    status: StatusCode,
    fields: &HeaderMap,
) -> Vec<String> {
    let reason = status.canonical_reason().unwrap_or_default();
    let status_line = format!("{version:?} {} {reason}", status.as_str());
    std::iter::once(status_line).chain(fields.iter().map(shown_field)).collect()
}

fn shown_field((name, value): (&HeaderName, &HeaderValue)) -> String {
    format!("{name}: {}", String::from_utf8_lossy(value.as_bytes()))
}

impl fmt::Display for WishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(given) => {
                write!(f, "{given:?} is not a header field: write -H 'Name: value' on one line")
            }
            Self::Method(given) => {
                write!(f, "{given:?} is not a method: write a word such as -X PUT")
            }
            Self::Url(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for WishError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Field(_) | Self::Method(_) => None,
            Self::Url(error) => Some(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish<'a>(url: &'a str, method: Option<&'a str>, fields: &'a [String]) -> Wish<'a> {
        Wish { url, method, fields, data: None }
    }

    #[test]
    fn what_is_shown_is_what_is_asked_for() {
        let fields = ["Accept: a".into(), "X-A: 1".into(), "X-A:2 ".into(), "X-Empty:".into()];
        let mut post = wish("http://h:1/p?q", None, &fields);
        post.data = Some("k=v".into());
        let shown = shown_request(&request(post).unwrap(), Version::HTTP_11);
        let agent = format!("user-agent: {}", AGENT.to_str().unwrap());
        for line in [
            "POST /p?q HTTP/1.1",
            "host: h:1",
            "accept: a",
            "x-a: 1",
            "x-a: 2",
            "x-empty: ",
            "content-type: application/x-www-form-urlencoded",
            "content-length: 3",
            &agent,
        ] {
            assert!(shown.iter().any(|shown| shown == line), "{line}: {shown:?}");
        }
        assert_eq!(shown.len(), 9);
        let own = ["Host: other".into()];
        let shown =
            shown_request(&request(wish("http://h", Some("BREW"), &own)).unwrap(), Version::HTTP_2);
        assert_eq!(shown[0], "BREW / HTTP/2.0");
        assert!(shown.contains(&"host: other".into()) && !shown.contains(&"host: h".into()));
    }

    #[test]
    fn what_cannot_be_asked_for() {
        for given in ["no colon", ": no name", "in valid: x", "X: a\r\nY: b", "X: \0", "Ü: x"] {
            let fields = [given.to_owned()];
            let error = request(wish("http://h", None, &fields)).unwrap_err();
            assert_eq!(error, WishError::Field(given.into()));
        }
        for method in ["", "GET /smuggled", "GET\r\n", "Ü"] {
            let error = request(wish("http://h", Some(method), &[])).unwrap_err();
            assert_eq!(error, WishError::Method(method.into()));
        }
    }
}
