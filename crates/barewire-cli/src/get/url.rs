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
            _ if authority(given).contains('@') => Problem::Credentials,
            error => Problem::Parse(error),
        })
    })?;
    // `host:80` is, by the letter, something of the scheme `host`.
    if url.cannot_be_a_base() && is_port(url.path().split('/').next().unwrap_or_default()) {
        return Err(failed(Problem::NoScheme));
    }
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

/// Host and port as they stand in what was taken for a URL.
fn authority(given: &str) -> &str {
    let rest = given.split_once("://").map_or(given, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

fn is_port(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

impl UrlError {
    /// What was meant, as far as it can be told from what was typed.
    fn meant(&self) -> String {
        let given = self.given.trim();
        let guess = match self.problem {
            Problem::NoScheme => Some(format!("http://{given}")),
            Problem::Parse(url::ParseError::InvalidPort) => with_slash(given),
            _ => None,
        };
        guess.filter(|guess| parse(guess).is_ok()).unwrap_or_else(|| {
            let scheme =
                given.split(':').next().filter(|scheme| scheme.eq_ignore_ascii_case("https"));
            format!("{}://host/path", scheme.unwrap_or("http"))
        })
    }
}

/// The URL with a slash behind the digits of its port, where something else follows them.
fn with_slash(given: &str) -> Option<String> {
    let authority = authority(given);
    let port = &authority[authority.rfind(':')? + 1..];
    let file = port.trim_start_matches(|c: char| c.is_ascii_digit());
    // Without any digits it is no port that lacks a slash.
    let is_guess = !file.is_empty() && file.len() < port.len();
    let (before, after) = given.split_once(authority)?;
    is_guess.then(|| {
        let host_and_port = &authority[..authority.len() - file.len()];
        format!("{before}{host_and_port}/{file}{after}")
    })
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { given, problem } = self;
        let meant = self.meant();
        match problem {
            // It must not get into a log.
            Problem::Credentials => f.write_str(
                "cannot use a URL with a user name or password: leave them out, and send \
                 -H 'Authorization: ...'",
            ),
            Problem::NoHost => {
                write!(f, "cannot use the URL {given}: it has no host: write {meant}")
            }
            Problem::NoScheme => {
                write!(f, "cannot use the URL {given:?}: it has no scheme: write {meant}")
            }
            Problem::Parse(error) => {
                write!(f, "cannot use the URL {given}: {error}: write {meant}")
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
    fn what_was_meant_is_said_in_the_words_of_who_typed_it() {
        for (given, meant) in [
            ("https://host:8000README.md", "https://host:8000/README.md"),
            ("http://[::1]:8000a/b?c", "http://[::1]:8000/a/b?c"),
            ("host/path", "http://host/path"),
            ("localhost:8000", "http://localhost:8000"),
            ("localhost:8000/a/b", "http://localhost:8000/a/b"),
            ("127.0.0.1:8000/", "http://127.0.0.1:8000/"),
            ("https:///a", "https://host/path"),
            ("https://host:99999/", "https://host/path"),
            ("http://host:port/", "http://host/path"),
            ("a b", "http://host/path"),
        ] {
            let error = parse(given).unwrap_err().to_string();
            assert!(error.ends_with(&format!(": write {meant}")), "{error}");
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
            ("mailto:80@host", "mailto is not spoken"),
            ("http://a b/", "invalid"),
            ("http://host:99999/", "port"),
            ("http://[::1/", "IPv6"),
        ] {
            let error = parse(given).unwrap_err().to_string();
            assert!(error.contains(words) && error.contains("http://"), "{error}");
        }
        for given in ["http://user:secret@host/", "http://user:secret@host:80x/"] {
            let error = parse(given).unwrap_err().to_string();
            assert!(!error.contains("secret") && error.contains("password"), "{error}");
        }
        let long = format!("http://host/{}", "a".repeat(70_000));
        assert!(parse(&long).unwrap_err().to_string().len() < 100);
    }
}
