//! From a request line to what is asked for. No I/O.

use std::time::Duration;

use barewire::http::{Method, StatusCode, Uri};
use url::form_urlencoded;

/// What is asked for, with its parameters checked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Route {
    Anything,
    Bytes(u64),
    Delay(Duration),
    Drip {
        bytes: u64,
        over: Duration,
    },
    Echo,
    Headers,
    Hello,
    Index,
    /// So many redirects are to come; at least 1.
    Redirect(u64),
    Status(StatusCode),
    Trailers,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Refusal {
    /// 400, and the rule that was broken.
    BadParameter(&'static str),
    /// 405.
    MethodNotAllowed,
    /// 404.
    NoSuchRoute,
}

const MAX_BYTES: u64 = 1 << 30;
const MAX_DRIPPED: u64 = 10 << 20;
const MAX_SECONDS: f64 = 60.0;

impl Route {
    pub(crate) fn of(method: &Method, uri: &Uri) -> Result<Self, Refusal> {
        let path = uri.path();
        let (name, parameter) = match path.strip_prefix('/').and_then(|path| path.split_once('/')) {
            Some((name, parameter)) => (name, Some(parameter)),
            None => (path.strip_prefix('/').unwrap_or(path), None),
        };
        let route = match (name, parameter) {
            ("", None) => Self::Index,
            ("anything", _) => Self::Anything,
            ("bytes", Some(n)) => Self::Bytes(
                integer(n, 0..=MAX_BYTES)
                    .ok_or(Refusal::BadParameter("/bytes/N: N is an integer from 0 to 2^30"))?,
            ),
            ("delay", Some(s)) => Self::Delay(
                seconds(s).ok_or(Refusal::BadParameter("/delay/S: S is a number from 0 to 60"))?,
            ),
            ("drip", None) => drip(uri.query().unwrap_or_default())?,
            ("echo", None) => Self::Echo,
            ("headers", None) => Self::Headers,
            ("hello", None) => Self::Hello,
            ("redirect", Some(n)) => Self::Redirect(
                integer(n, 1..=100)
                    .ok_or(Refusal::BadParameter("/redirect/N: N is an integer from 1 to 100"))?,
            ),
            ("status", Some(n)) => Self::Status(
                integer(n, 200..=599)
                    .and_then(|n| StatusCode::from_u16(n.try_into().ok()?).ok())
                    .ok_or(Refusal::BadParameter("/status/N: N is an integer from 200 to 599"))?,
            ),
            ("trailers", None) => Self::Trailers,
            _ => return Err(Refusal::NoSuchRoute),
        };
        match route {
            Self::Anything | Self::Delay(_) | Self::Echo | Self::Status(_) => Ok(route),
            _ if *method == Method::GET || *method == Method::HEAD => Ok(route),
            _ => Err(Refusal::MethodNotAllowed),
        }
    }
}

fn drip(query: &str) -> Result<Route, Refusal> {
    let (mut bytes, mut over) = (10, Duration::from_secs(2));
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "bytes" => {
                bytes = integer(&value, 0..=MAX_DRIPPED).ok_or(Refusal::BadParameter(
                    "/drip: bytes is an integer from 0 to 10485760",
                ))?;
            }
            "seconds" => {
                over = seconds(&value)
                    .ok_or(Refusal::BadParameter("/drip: seconds is a number from 0 to 60"))?;
            }
            _ => return Err(Refusal::BadParameter("/drip takes bytes and seconds")),
        }
    }
    Ok(Route::Drip { bytes, over })
}

/// Digits alone, without a sign.
fn integer(text: &str, range: std::ops::RangeInclusive<u64>) -> Option<u64> {
    let all_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| all_digits)?;
    range.contains(&number).then_some(number)
}

/// Digits, and a point among them if there is one.
fn seconds(text: &str) -> Option<Duration> {
    let all_decimal = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let number: f64 = text.parse().ok().filter(|_| all_decimal)?;
    (number <= MAX_SECONDS).then(|| Duration::from_secs_f64(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(method: Method, target: &str) -> Result<Route, Refusal> {
        Route::of(&method, &target.parse().unwrap())
    }

    #[test]
    fn routes() {
        let ms = Duration::from_millis;
        for (target, route) in [
            ("/", Route::Index),
            ("/hello", Route::Hello),
            ("/hello?a=b", Route::Hello),
            ("http://host/hello", Route::Hello),
            ("/echo", Route::Echo),
            ("/anything", Route::Anything),
            ("/anything/below/it", Route::Anything),
            ("/headers", Route::Headers),
            ("/trailers", Route::Trailers),
            ("/bytes/0", Route::Bytes(0)),
            ("/bytes/1073741824", Route::Bytes(1 << 30)),
            ("/status/204", Route::Status(StatusCode::NO_CONTENT)),
            ("/delay/0.25", Route::Delay(ms(250))),
            ("/delay/60", Route::Delay(ms(60_000))),
            ("/redirect/3", Route::Redirect(3)),
            ("/drip", Route::Drip { bytes: 10, over: ms(2_000) }),
            ("/drip?bytes=5&seconds=.5", Route::Drip { bytes: 5, over: ms(500) }),
            ("/drip?seconds=1", Route::Drip { bytes: 10, over: ms(1_000) }),
        ] {
            assert_eq!(of(Method::GET, target), Ok(route), "{target}");
            assert_eq!(of(Method::HEAD, target), Ok(route), "{target}");
        }
    }

    #[test]
    fn refusals() {
        for target in ["/nothing", "/hello/", "/bytes", "*", "//hello", "/status", "/Hello"] {
            assert_eq!(of(Method::GET, target), Err(Refusal::NoSuchRoute), "{target}");
        }
        for target in [
            "/bytes/",
            "/bytes/-1",
            "/bytes/+1",
            "/bytes/x",
            "/bytes/1/2",
            "/bytes/1073741825",
            "/bytes/99999999999999999999",
            "/status/199",
            "/status/600",
            "/status/teapot",
            "/delay/",
            "/delay/61",
            "/delay/-1",
            "/delay/inf",
            "/delay/nan",
            "/delay/1e1",
            "/delay/.",
            "/redirect/0",
            "/redirect/101",
            "/redirect/0x1",
            "/drip?bytes=x",
            "/drip?bytes=10485761",
            "/drip?seconds=61",
            "/drip?byte=1",
        ] {
            let refused = of(Method::GET, target);
            assert!(matches!(refused, Err(Refusal::BadParameter(_))), "{target}: {refused:?}");
        }
    }

    #[test]
    fn methods() {
        for target in ["/echo", "/anything", "/status/200", "/delay/0"] {
            assert!(of(Method::POST, target).is_ok(), "{target}");
        }
        for target in ["/", "/hello", "/bytes/1", "/drip", "/headers", "/redirect/1", "/trailers"] {
            assert_eq!(of(Method::POST, target), Err(Refusal::MethodNotAllowed), "{target}");
        }
    }
}
