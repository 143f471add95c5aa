//! From what a user takes for a URL to where a request goes. No I/O.

use std::fmt;

use barewire::http::Uri;
use url::Url;

/// A URL that cannot be asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UrlError {
    given: String,
    problem: Problem,
}

#[derive(Debug, PartialEq, Eq)]
enum Problem {
    Credentials,
    NoHost,
    NoScheme,
    Parse(url::ParseError),
    Scheme(String),
    TooLong,
}

/// The URL in its normal form, without its fragment, which is not sent.
pub(crate) fn parse(given: &str) -> Result<Uri, UrlError> {
    let failed = |problem| UrlError { given: given.to_owned(), problem };
    let mut url = Url::parse(given).map_err(|error| {
        failed(match error {
            url::ParseError::RelativeUrlWithoutBase => Problem::NoScheme,
            url::ParseError::EmptyHost => Problem::NoHost,
            error => Problem::Parse(error),
        })
    })?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(failed(Problem::Scheme(url.scheme().to_owned())));
    }
    // Browsers repair slashes; a URL without a host is to be refused (RFC 9110, section 4.2.1).
    let rest = given.trim().split_once(':').map_or("", |(_, rest)| rest);
    if rest.strip_prefix("//").is_none_or(|rest| rest.starts_with(['/', '\\'])) {
        return Err(failed(Problem::NoHost));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(failed(Problem::Credentials));
    }
    url.set_fragment(None);
    Uri::try_from(url.as_str()).map_err(|_| failed(Problem::TooLong))
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { given, problem } = self;
        match problem {
            // It must not get into a log.
            Problem::Credentials => f.write_str(
                "cannot use a URL with a user name or password: leave them out, and send \
                 -H 'Authorization: ...'",
            ),
            Problem::NoHost => {
                write!(f, "cannot use the URL {given}: it has no host: write http://host/path")
            }
            Problem::NoScheme => {
                write!(f, "cannot use the URL {given:?}: it has no scheme: write http://host/path")
            }
            Problem::Parse(error) => {
                write!(f, "cannot use the URL {given}: {error}: write http://host/path")
            }
            Problem::Scheme(scheme) => {
                write!(
                    f,
                    "cannot use the URL {given}: {scheme} is not spoken here, only http:// and https://"
                )
            }
            Problem::TooLong => write!(f, "cannot use the URL: it is longer than 65,534 bytes"),
        }
    }
}

impl std::error::Error for UrlError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.problem {
            Problem::Parse(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_forms() {
        for (given, wanted) in [
            ("http://host", "http://host/"),
            ("http://host:80/a?b#c", "http://host/a?b"),
            ("http://host:8000/a/../b", "http://host:8000/b"),
            (" HTTP://HOST/ü x", "http://host/%C3%BC%20x"),
            ("http://[::1]:1/", "http://[::1]:1/"),
            ("http://127.1/", "http://127.0.0.1/"),
            ("https://host/", "https://host/"),
        ] {
            assert_eq!(parse(given).map(|uri| uri.to_string()).as_deref(), Ok(wanted), "{given}");
        }
    }

    #[test]
    fn refusals() {
        for (given, words) in [
            ("", "no scheme"),
            ("host/path", "no scheme"),
            ("http://", "no host"),
            ("http:///path", "no host"),
            ("http:host", "no host"),
            ("http:/host", "no host"),
            ("http:\\\\host", "no host"),
            ("ftp://host/", "ftp is not spoken"),
            ("host:80", "host is not spoken"),
            ("http://a b/", "invalid"),
            ("http://host:99999/", "port"),
            ("http://[::1/", "IPv6"),
        ] {
            let error = parse(given).unwrap_err().to_string();
            assert!(error.contains(words) && error.contains("http://"), "{error}");
        }
        let error = parse("http://user:secret@host/").unwrap_err().to_string();
        assert!(!error.contains("secret") && error.contains("password"), "{error}");
        let long = format!("http://host/{}", "a".repeat(70_000));
        assert!(parse(&long).unwrap_err().to_string().len() < 100);
    }
}
