//! From what a caller takes for a URL to where to connect and what to ask for. No I/O.

mod plain;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::Uri;
use url::Url;

use crate::origin::OriginRef;
use plain::{Authority, is_plain_path, plain, plain_authority};

/// Why a URL cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UrlError {
    /// It holds a user name or a password. They would end up in logs; set an `Authorization` header.
    Credentials,
    /// It has no scheme or no host: it is not absolute.
    NotAbsolute,
    /// It cannot be parsed.
    Parse(url::ParseError),
    /// Its scheme is neither `http` nor `https`.
    Scheme,
    /// It is longer than 65,534 bytes.
    TooLong,
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Credentials => {
                "it holds a user name or password: set an Authorization header instead"
            }
            Self::NotAbsolute => "it is not absolute: write it as http://host/path",
            Self::Parse(error) => return write!(f, "{error}: write it as http://host/path"),
            Self::Scheme => "its scheme is not http or https",
            Self::TooLong => "it is longer than 65,534 bytes",
        })
    }
}

impl std::error::Error for UrlError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Parse(error) => Some(error),
            _ => None,
        }
    }
}

/// What a request can be addressed by: a string, an [`http::Uri`] or a [`url::Url`].
///
/// Strings and URIs that are plain ASCII in their normal form are used as they are; everything else goes
/// through the URL standard's parser, which maps international host names, normalises numeric ones
/// (`127.1`, `2130706433`), resolves `..` and encodes what has to be. What is not absolute is refused:
/// `example.org` is not taken for `http://example.org`.
///
/// ```
/// use barewire_client::{Client, ErrorKind, UrlError};
/// use barewire_smol::Smol;
///
/// # futures_lite::future::block_on(async {
/// let client = Client::new(Smol::default());
/// let uri: http::Uri = "http://example.org/a".parse().unwrap();
/// let _requests = [client.get("http://example.org/a b"), client.get(&uri)];
///
/// let error = client.get("example.org").send().await.unwrap_err();
/// assert!(matches!(error.kind(), ErrorKind::Url(UrlError::NotAbsolute)));
/// # });
/// ```
pub trait IntoUrl: sealed::IntoTarget {}

impl<T: sealed::IntoTarget> IntoUrl for T {}

pub(crate) mod sealed {
    use super::{Target, UrlError};

    pub trait IntoTarget {
        #[doc(hidden)]
        fn into_target(self) -> Result<Target, UrlError>;
    }
}

/// A checked, normalised, absolute URL, without credentials and fragment.
#[derive(Clone, Debug)]
pub struct Target {
    uri: Uri,
    tls: bool,
    port: u16,
    /// The host is what the URI's authority begins with.
    host_len: usize,
}

impl Target {
    pub(crate) fn parse(text: &str) -> Result<Self, UrlError> {
        if let Some((tls, authority)) = plain(text.as_bytes())
            && let Ok(uri) = Uri::try_from(text)
        {
            let Authority { host_len, port } = authority;
            return Ok(Self { uri, tls, port: port.unwrap_or(default_port(tls)), host_len });
        }
        Self::of_url(&Url::parse(text).map_err(|error| match error {
            url::ParseError::RelativeUrlWithoutBase => UrlError::NotAbsolute,
            error => UrlError::Parse(error),
        })?)
    }

    fn of_url(url: &Url) -> Result<Self, UrlError> {
        let tls = match url.scheme() {
            "http" => false,
            "https" => true,
            _ => return Err(UrlError::Scheme),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UrlError::Credentials);
        }
        let host_len = match url.host_str() {
            Some(host) if !host.is_empty() => host.len(),
            _ => return Err(UrlError::NotAbsolute),
        };
        let text = match url.fragment() {
            Some(fragment) => {
                let whole = url.as_str();
                &whole[..whole.len().saturating_sub(fragment.len() + 1)]
            }
            None => url.as_str(),
        };
        let uri = Uri::try_from(text).map_err(|_| match text.len() > MAX_LEN {
            true => UrlError::TooLong,
            false => UrlError::Parse(url::ParseError::InvalidDomainCharacter),
        })?;
        Ok(Self { uri, tls, port: url.port().unwrap_or(default_port(tls)), host_len })
    }

    /// The whole URL.
    pub(crate) fn uri(&self) -> &Uri {
        &self.uri
    }

    pub(crate) fn is_tls(&self) -> bool {
        self.tls
    }

    pub(crate) fn origin(&self) -> OriginRef<'_> {
        let authority = self.uri.authority().map_or("", |authority| authority.as_str());
        let host = authority.get(..self.host_len).unwrap_or(authority);
        OriginRef { tls: self.tls, host, port: self.port }
    }

    /// Appends fields to the query, encoded as forms are.
    pub(crate) fn append_query<K: AsRef<str>, V: AsRef<str>>(
        self,
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, UrlError> {
        let mut query = String::from(self.uri.query().unwrap_or_default());
        let mut encoder = url::form_urlencoded::Serializer::for_suffix(&mut query, 0);
        encoder.extend_pairs(pairs);
        encoder.finish();
        if query.is_empty() {
            return Ok(self);
        }
        let mut text = self.uri.to_string();
        if let Some(at) = text.find('?') {
            text.truncate(at);
        }
        text.push('?');
        text.push_str(&query);
        match Uri::try_from(text) {
            Ok(uri) => Ok(Self { uri, ..self }),
            Err(_) => Err(UrlError::TooLong),
        }
    }
}

/// The address of a host that is one already.
pub(crate) fn literal_address(host: &str) -> Option<IpAddr> {
    match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => host.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
    }
}

/// The longest that `http::Uri` takes.
const MAX_LEN: usize = u16::MAX as usize - 1;

fn default_port(tls: bool) -> u16 {
    if tls { 443 } else { 80 }
}

impl sealed::IntoTarget for &str {
    fn into_target(self) -> Result<Target, UrlError> {
        Target::parse(self)
    }
}

impl sealed::IntoTarget for &String {
    fn into_target(self) -> Result<Target, UrlError> {
        Target::parse(self)
    }
}

impl sealed::IntoTarget for String {
    fn into_target(self) -> Result<Target, UrlError> {
        Target::parse(&self)
    }
}

impl sealed::IntoTarget for &Uri {
    fn into_target(self) -> Result<Target, UrlError> {
        self.clone().into_target()
    }
}

impl sealed::IntoTarget for Uri {
    fn into_target(self) -> Result<Target, UrlError> {
        let (Some(scheme), Some(authority)) = (self.scheme_str(), self.authority()) else {
            return Err(UrlError::NotAbsolute);
        };
        let tls = match scheme {
            "http" => false,
            "https" => true,
            _ => return Err(UrlError::Scheme),
        };
        let plain = match is_plain_path(self.path().as_bytes())
            && is_plain_path(self.query().unwrap_or_default().as_bytes())
        {
            true => plain_authority(authority.as_str().as_bytes()),
            false => None,
        };
        match plain {
            Some(Authority { host_len, port }) => {
                Ok(Target { tls, port: port.unwrap_or(default_port(tls)), host_len, uri: self })
            }
            None => Target::parse(&self.to_string()),
        }
    }
}

impl sealed::IntoTarget for &Url {
    fn into_target(self) -> Result<Target, UrlError> {
        Target::of_url(self)
    }
}

impl sealed::IntoTarget for Url {
    fn into_target(self) -> Result<Target, UrlError> {
        Target::of_url(&self)
    }
}

#[cfg(test)]
mod tests {
    use super::sealed::IntoTarget;
    use super::*;

    fn shown(text: &str) -> Result<String, UrlError> {
        Target::parse(text).map(|target| target.uri().to_string())
    }

    #[test]
    fn plain_urls_are_kept_and_others_normalised() {
        let cases = [
            ("http://example.org", "http://example.org/"),
            ("http://example.org:8080/a?b=c", "http://example.org:8080/a?b=c"),
            ("http://Example.ORG:80/", "http://example.org/"),
            ("http://example.org:80/", "http://example.org/"),
            ("http://example.org:080/", "http://example.org/"),
            ("http://example.org:65535/", "http://example.org:65535/"),
            ("HTTP://example.org/", "http://example.org/"),
            ("http://example.org/a/../b/./c", "http://example.org/b/c"),
            ("http://example.org/a/%2e%2E/b", "http://example.org/b"),
            ("http://example.org/ü x?q=ö", "http://example.org/%C3%BC%20x?q=%C3%B6"),
            ("http://example.org/a#secret", "http://example.org/a"),
            ("http://example.org?q=1", "http://example.org/?q=1"),
            ("http://bücher.example/", "http://xn--bcher-kva.example/"),
            ("http://127.1/", "http://127.0.0.1/"),
            ("http://2130706433/", "http://127.0.0.1/"),
            ("http://0x7f.1/", "http://127.0.0.1/"),
            ("http://[::0:1]:8080/", "http://[::1]:8080/"),
            ("http://example.org/.well-known", "http://example.org/.well-known"),
            ("http:\\\\example.org\\a", "http://example.org/a"),
            ("http://exam\nple.org/", "http://example.org/"),
            ("https://example.org", "https://example.org/"),
        ];
        for (given, wanted) in cases {
            assert_eq!(shown(given).as_deref(), Ok(wanted), "{given}");
        }
    }

    #[test]
    fn unusable_urls_are_refused() {
        let cases = [
            ("http://user@example.org/", UrlError::Credentials),
            ("http://user:secret@example.org/", UrlError::Credentials),
            ("http://:secret@example.org/", UrlError::Credentials),
            ("example.org/path", UrlError::NotAbsolute),
            ("/path", UrlError::NotAbsolute),
            ("", UrlError::NotAbsolute),
            ("ftp://example.org/", UrlError::Scheme),
            ("localhost:8080", UrlError::Scheme),
            ("http://", UrlError::Parse(url::ParseError::EmptyHost)),
            ("http://exa mple.org/", UrlError::Parse(url::ParseError::IdnaError)),
            ("http://256.1.1.1/", UrlError::Parse(url::ParseError::InvalidIpv4Address)),
            ("http://example.org:99999/", UrlError::Parse(url::ParseError::InvalidPort)),
            ("http://[::1/", UrlError::Parse(url::ParseError::InvalidIpv6Address)),
        ];
        for (given, wanted) in cases {
            assert_eq!(shown(given), Err(wanted), "{given}");
        }
        let long = format!("http://example.org/{}", "a".repeat(70_000));
        assert_eq!(shown(&long), Err(UrlError::TooLong));
    }

    #[test]
    fn uris_and_urls_take_the_same_road() {
        let uri: Uri = "http://EXAMPLE.org:81/a/../b".parse().unwrap();
        assert_eq!(uri.into_target().unwrap().uri().to_string(), "http://example.org:81/b");
        let uri = Uri::from_static("http://user:pw@example.org/");
        assert_eq!(uri.into_target().unwrap_err(), UrlError::Credentials);
        assert_eq!(Uri::from_static("/a").into_target().unwrap_err(), UrlError::NotAbsolute);
        let url = Url::parse("http://example.org/x#y").unwrap();
        assert_eq!(url.into_target().unwrap().uri().to_string(), "http://example.org/x");
    }

    #[test]
    fn the_origin_is_scheme_host_and_port() {
        let target = Target::parse("https://example.org/a?b").unwrap();
        let origin = target.origin();
        assert_eq!((origin.tls, origin.host, origin.port), (true, "example.org", 443));
        let v6 = Target::parse("http://[::1]:81/").unwrap();
        assert_eq!((v6.origin().host, v6.origin().port), ("[::1]", 81));
    }

    #[test]
    fn queries_are_appended_and_encoded() {
        let target = Target::parse("http://h/p?a=1").unwrap();
        let target = target.append_query([("q", "x y&z"), ("ü", "1")]).unwrap();
        assert_eq!(target.uri().to_string(), "http://h/p?a=1&q=x+y%26z&%C3%BC=1");
        let target = Target::parse("http://h").unwrap().append_query([("k", "v")]).unwrap();
        assert_eq!(target.uri().to_string(), "http://h/?k=v");
        let none: [(&str, &str); 0] = [];
        let target = Target::parse("http://h/x").unwrap().append_query(none).unwrap();
        assert_eq!(target.uri().to_string(), "http://h/x");
    }

    #[test]
    fn literal_addresses_need_no_look_up() {
        assert_eq!(literal_address("[::1]"), Some(IpAddr::V6(Ipv6Addr::LOCALHOST)));
        assert_eq!(literal_address("127.0.0.1"), Some(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        assert_eq!(literal_address("localhost"), None);
    }
}
