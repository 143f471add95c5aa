//! What to answer to a request for a file: from what is known to what to send. No I/O.

use std::time::SystemTime;

use barewire::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderName,
    HeaderValue, LAST_MODIFIED, X_CONTENT_TYPE_OPTIONS,
};
use barewire::http::{HeaderMap, Method, Response, StatusCode};

use super::body::Segment;
use super::conditional::{self, Verdict};
use super::multipart::{self, content_range};
use super::range::{self, Selection};
use super::validators::{Stat, Validators};

/// A request for a file, GET or HEAD, and all that the answer depends on.
pub(crate) struct Question<'a> {
    pub(crate) method: &'a Method,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) stat: Stat,
    pub(crate) content_type: &'a str,
    pub(crate) now: SystemTime,
    /// See [`multipart::segments`]; rarely needed.
    pub(crate) boundary: fn() -> String,
}

/// The head of the answer, and what its body is made of.
pub(crate) fn answer(question: &Question<'_>) -> (Response<()>, Vec<Segment>) {
    let &Question { method, headers, stat: Stat { len, .. }, content_type, .. } = question;
    let validators = Validators::of(&question.stat, question.now);
    let mut response = Response::new(());
    let fields = response.headers_mut();
    set(fields, ETAG, &validators.tag.value());
    if let Some(date) = validators.last_modified() {
        set(fields, LAST_MODIFIED, &date);
    }
    // Kept, and asked about each time: who serves a directory edits it, too.
    set(fields, CACHE_CONTROL, "no-cache");
    set(fields, ACCEPT_RANGES, "bytes");
    // The type is that of the name; where there is none, guessing is not for the browser either.
    set(fields, X_CONTENT_TYPE_OPTIONS, "nosniff");

    let selection = match conditional::evaluate(method, headers, &validators) {
        Verdict::NotModified => return (with(response, StatusCode::NOT_MODIFIED), Vec::new()),
        Verdict::PreconditionFailed => {
            return (with(response, StatusCode::PRECONDITION_FAILED), Vec::new());
        }
        // Ranges are for GET alone (RFC 9110, section 14.2).
        Verdict::Proceed { range: true } if method == Method::GET => range::select(headers, len),
        Verdict::Proceed { .. } => Selection::Whole,
    };
    let (status, content_type, segments) = match selection {
        Selection::Unsatisfiable => {
            set(fields, CONTENT_RANGE, &format!("bytes */{len}"));
            return (with(response, StatusCode::RANGE_NOT_SATISFIABLE), Vec::new());
        }
        Selection::Whole if len == 0 => (StatusCode::OK, content_type.into(), Vec::new()),
        Selection::Whole => (StatusCode::OK, content_type.into(), vec![Segment::File(0..len)]),
        Selection::Parts(parts) => match &parts[..] {
            [part] => {
                set(fields, CONTENT_RANGE, &content_range(part, len));
                let segments = vec![Segment::File(part.clone())];
                (StatusCode::PARTIAL_CONTENT, content_type.to_owned(), segments)
            }
            parts => {
                let boundary = (question.boundary)();
                let segments = multipart::segments(parts, len, content_type, &boundary);
                let content_type = format!("multipart/byteranges; boundary={boundary}");
                (StatusCode::PARTIAL_CONTENT, content_type, segments)
            }
        },
    };
    set(fields, CONTENT_TYPE, &content_type);
    if method == Method::HEAD {
        set(fields, CONTENT_LENGTH, &len.to_string());
        return (with(response, status), Vec::new());
    }
    (with(response, status), segments)
}

fn with(mut response: Response<()>, status: StatusCode) -> Response<()> {
    *response.status_mut() = status;
    response
}

/// Sets a field to a value that is made here, of visible ASCII.
fn set(fields: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::try_from(value) {
        fields.insert(name, value);
    }
}

/// The type of a file by its name. Text is taken for UTF-8.
pub(crate) fn content_type(name: &std::path::Path) -> String {
    let mime = mime_guess::from_path(name).first_or_octet_stream();
    match mime.type_() {
        mime_guess::mime::TEXT => format!("{mime}; charset=utf-8"),
        _ => mime.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use barewire::http::header::{IF_MATCH, IF_NONE_MATCH, IF_RANGE, RANGE};
    use std::time::{Duration, UNIX_EPOCH};

    const TAG: &str = "\"3e8.0-3e8.0-2710\"";

    /// Status, fields and length of the body of the answer to a request for an old file of 10,000 bytes.
    fn ask(method: Method, fields: &[(HeaderName, &str)]) -> (u16, HeaderMap, Vec<Segment>) {
        let headers =
            fields.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
        let (response, segments) = answer(&Question {
            method: &method,
            headers: &headers,
            stat: Stat { len: 10_000, modified: (1_000, 0), changed: (1_000, 0) },
            content_type: "text/plain",
            now: UNIX_EPOCH + Duration::from_secs(1_000_000),
            boundary: || "XX".into(),
        });
        (response.status().as_u16(), response.headers().clone(), segments)
    }

    #[test]
    fn whole_files() {
        let (status, fields, segments) = ask(Method::GET, &[]);
        assert_eq!((status, segments), (200, vec![Segment::File(0..10_000)]));
        for (name, value) in [
            (ETAG, TAG),
            (LAST_MODIFIED, "Thu, 01 Jan 1970 00:16:40 GMT"),
            (ACCEPT_RANGES, "bytes"),
            (CONTENT_TYPE, "text/plain"),
        ] {
            assert_eq!(fields[&name], value, "{name}");
        }
        // Its length is the body's own.
        assert!(!fields.contains_key(CONTENT_LENGTH));
        assert!(!fields.contains_key(CONTENT_RANGE));
    }

    #[test]
    fn heads_have_the_fields_of_the_whole() {
        let (_, mut get, _) = ask(Method::GET, &[]);
        get.insert(CONTENT_LENGTH, HeaderValue::from_static("10000"));
        for range in [&[][..], &[(RANGE, "bytes=0-4")]] {
            let (status, head, segments) = ask(Method::HEAD, range);
            assert_eq!((status, &segments[..]), (200, &[][..]));
            assert_eq!(head, get);
        }
    }

    #[test]
    fn parts() {
        let (status, fields, segments) = ask(Method::GET, &[(RANGE, "bytes=5-9")]);
        assert_eq!((status, segments), (206, vec![Segment::File(5..10)]));
        assert_eq!(fields[CONTENT_RANGE], "bytes 5-9/10000");
        assert_eq!(fields[CONTENT_TYPE], "text/plain");

        let (status, fields, segments) = ask(Method::GET, &[(RANGE, "bytes=0-1,-1")]);
        assert_eq!((status, segments.len()), (206, 5));
        assert_eq!(fields[CONTENT_TYPE], "multipart/byteranges; boundary=XX");
        assert!(!fields.contains_key(CONTENT_RANGE), "it is in each part");

        let (status, fields, segments) = ask(Method::GET, &[(RANGE, "bytes=10000-")]);
        assert_eq!((status, segments.len()), (416, 0));
        assert_eq!(fields[CONTENT_RANGE], "bytes */10000");
    }

    #[test]
    fn conditions() {
        let (status, fields, segments) = ask(Method::GET, &[(IF_NONE_MATCH, TAG)]);
        assert_eq!((status, segments.len()), (304, 0));
        assert_eq!(fields[ETAG], TAG);
        assert!(!fields.contains_key(CONTENT_TYPE));
        assert_eq!(ask(Method::GET, &[(IF_MATCH, "\"other\"")]).0, 412);
        // A condition that fails comes before a range that cannot be satisfied.
        let both = [(IF_NONE_MATCH, TAG), (RANGE, "bytes=10000-")];
        assert_eq!(ask(Method::GET, &both).0, 304);
        let other = [(IF_RANGE, "\"other\""), (RANGE, "bytes=10000-")];
        assert_eq!(ask(Method::GET, &other).0, 200);
        assert_eq!(ask(Method::GET, &[(IF_RANGE, TAG), (RANGE, "bytes=0-0")]).0, 206);
    }

    #[test]
    fn types() {
        for (name, wanted) in [
            ("a.html", "text/html; charset=utf-8"),
            ("a.JPG", "image/jpeg"),
            ("a.json", "application/json"),
            ("a.tar.gz", "application/gzip"),
            ("a", "application/octet-stream"),
            (".html", "application/octet-stream"),
        ] {
            assert_eq!(content_type(name.as_ref()), wanted, "{name}");
        }
    }
}
