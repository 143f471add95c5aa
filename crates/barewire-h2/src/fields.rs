//! What the header tables keep for a field: checked and parsed, so that one which comes again as an index is
//! cloned and never looked at again.

use std::net::Ipv6Addr;

use barewire_hpack::{Field, StaticTable, Value};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Method, StatusCode};

use crate::message::decimal;
use crate::{ConnectProtocol, ErrorKind};

/// A field of a head, or what is wrong with it.
#[derive(Clone, Debug)]
pub(crate) enum HeadField {
    Method(Method),
    Scheme(Scheme),
    Authority(Authority),
    Path(PathAndQuery),
    Protocol(ConnectProtocol),
    Status(StatusCode),
    Regular(HeaderName, HeaderValue, Role),
    /// As it is only taken with a leniency: the value without the white space around it.
    Padded(HeaderName, HeaderValue, Role),
    Bad(Name, ErrorKind),
}

/// Which rule of this layer a field takes part in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    None,
    /// Of HTTP/1.1's connection (RFC 9113, section 8.2.2).
    Connection,
    ContentLength,
    Cookie,
    Host,
    Priority,
    Te,
}

/// The name of a field.
#[derive(Clone, Debug)]
pub(crate) enum Name {
    Method,
    Scheme,
    Authority,
    Path,
    Protocol,
    Status,
    Regular(HeaderName, Role),
    Bad(ErrorKind),
}

impl Name {
    fn parse(name: &[u8]) -> Self {
        match name {
            b":method" => return Self::Method,
            b":scheme" => return Self::Scheme,
            b":authority" => return Self::Authority,
            b":path" => return Self::Path,
            b":protocol" => return Self::Protocol,
            b":status" => return Self::Status,
            [b':', ..] => return Self::Bad(ErrorKind::UnknownPseudoHeader),
            _ => {}
        }
        match known_name(name).map_or_else(|| HeaderName::from_lowercase(name), Ok) {
            Ok(name) => {
                let role = role_of(&name);
                Self::Regular(name, role)
            }
            Err(_) if name.iter().any(u8::is_ascii_uppercase) => {
                Self::Bad(ErrorKind::UppercaseFieldName)
            }
            Err(_) => Self::Bad(ErrorKind::BadFieldName),
        }
    }
}

/// Names that `http` has no constant of and many clients send: a clone of what it makes of others counts references.
static NAMES: [HeaderName; 20] = [
    HeaderName::from_static("access-control-request-private-network"),
    HeaderName::from_static("grpc-accept-encoding"),
    HeaderName::from_static("grpc-encoding"),
    HeaderName::from_static("grpc-message"),
    HeaderName::from_static("grpc-status"),
    HeaderName::from_static("grpc-timeout"),
    HeaderName::from_static("priority"),
    HeaderName::from_static("sec-ch-ua"),
    HeaderName::from_static("sec-ch-ua-mobile"),
    HeaderName::from_static("sec-ch-ua-platform"),
    HeaderName::from_static("sec-fetch-dest"),
    HeaderName::from_static("sec-fetch-mode"),
    HeaderName::from_static("sec-fetch-site"),
    HeaderName::from_static("sec-fetch-user"),
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-proto"),
    HeaderName::from_static("x-requested-with"),
];

fn known_name(name: &[u8]) -> Option<HeaderName> {
    NAMES.iter().find(|known| known.as_str().as_bytes() == name).cloned()
}

fn role_of(name: &HeaderName) -> Role {
    match *name {
        header::CONNECTION | header::TRANSFER_ENCODING | header::UPGRADE => Role::Connection,
        header::CONTENT_LENGTH => Role::ContentLength,
        header::COOKIE => Role::Cookie,
        header::HOST => Role::Host,
        header::TE => Role::Te,
        _ => match name.as_str() {
            "keep-alive" | "proxy-connection" => Role::Connection,
            "priority" => Role::Priority,
            _ => Role::None,
        },
    }
}

/// Whether a field belongs to HTTP/1.1's connection, so that it is not sent (RFC 9113, section 8.2.2).
pub(crate) fn is_connection_specific(name: &HeaderName) -> bool {
    role_of(name) == Role::Connection
}

/// Takes off what is about a connection of HTTP/1.1: the fields that are, those that `Connection` names, and `TE` if
/// it says more than HTTP/2 lets it (RFC 9110, section 7.6.1; RFC 9113, section 8.2.2).
pub(crate) fn leave_http1(headers: &mut HeaderMap) {
    let lists = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let named = lists
        .flat_map(|list| list.split(','))
        .filter_map(|name| HeaderName::from_bytes(name.trim().as_bytes()).ok());
    let own = headers.keys().filter(|name| is_connection_specific(name)).cloned();
    let leaving: Vec<_> = named.chain(own).collect();
    for name in leaving {
        headers.remove(name);
    }
    let may_stay = |te: &HeaderValue| te.as_bytes().eq_ignore_ascii_case(b"trailers");
    if !headers.get(header::TE).is_none_or(may_stay) {
        headers.remove(header::TE);
    }
}

impl HeadField {
    fn of(name: Name, mut value: Value<'_>) -> Self {
        let field = match &name {
            Name::Bad(kind) => Err(*kind),
            Name::Regular(field, role) => return Self::regular(field, *role, value),
            Name::Method => {
                Method::from_bytes(&value).map(Self::Method).map_err(|_| ErrorKind::BadMethod)
            }
            Name::Scheme if !is_scheme(&value) => Err(ErrorKind::BadScheme),
            Name::Scheme => {
                Scheme::try_from(&value[..]).map(Self::Scheme).map_err(|_| ErrorKind::BadScheme)
            }
            Name::Authority => authority(&mut value).map(Self::Authority),
            Name::Path => path(&mut value).map(Self::Path),
            Name::Protocol => HeaderValue::from_maybe_shared(value.share())
                .ok()
                .and_then(ConnectProtocol::from_value)
                .map(Self::Protocol)
                .ok_or(ErrorKind::BadProtocol),
            Name::Status => match *value {
                [b'1'..=b'9', b'0'..=b'9', b'0'..=b'9'] => StatusCode::from_bytes(&value)
                    .map(Self::Status)
                    .map_err(|_| ErrorKind::BadStatus),
                _ => Err(ErrorKind::BadStatus),
            },
        };
        field.unwrap_or_else(|kind| Self::Bad(name, kind))
    }

    fn regular(name: &HeaderName, role: Role, mut value: Value<'_>) -> Self {
        let blank = |b: Option<&u8>| matches!(b, Some(b' ' | b'\t'));
        let padded = blank(value.first()) || blank(value.last());
        let shared = value.share();
        let shared = if padded { shared.slice_ref(shared.trim_ascii()) } else { shared };
        match HeaderValue::from_maybe_shared(shared) {
            Ok(mut checked) => {
                checked.set_sensitive(value.is_never_indexed());
                match padded {
                    true => Self::Padded(name.clone(), checked, role),
                    false => Self::Regular(name.clone(), checked, role),
                }
            }
            Err(_) => Self::Bad(Name::Regular(name.clone(), role), ErrorKind::BadFieldValue),
        }
    }

    fn name(&self) -> Name {
        match self {
            Self::Method(_) => Name::Method,
            Self::Scheme(_) => Name::Scheme,
            Self::Authority(_) => Name::Authority,
            Self::Path(_) => Name::Path,
            Self::Protocol(_) => Name::Protocol,
            Self::Status(_) => Name::Status,
            Self::Regular(name, _, role) | Self::Padded(name, _, role) => {
                Name::Regular(name.clone(), *role)
            }
            Self::Bad(name, _) => name.clone(),
        }
    }
}

impl Field for HeadField {
    fn static_table() -> &'static StaticTable<Self> {
        static TABLE: StaticTable<HeadField> = StaticTable::new();
        &TABLE
    }

    fn new(name: &[u8], value: Value<'_>) -> Self {
        Self::of(Name::parse(name), value)
    }

    fn with_value(&self, value: Value<'_>) -> Self {
        Self::of(self.name(), value)
    }
}

/// A host with an optional port; user information must not be there (RFC 9113, section 8.3.1).
fn authority(value: &mut Value<'_>) -> Result<Authority, ErrorKind> {
    if !is_host(value) {
        return Err(ErrorKind::BadAuthority);
    }
    Authority::from_maybe_shared(value.share()).map_err(|_| ErrorKind::BadAuthority)
}

/// An absolute path with an optional query, or `*`.
fn path(value: &mut Value<'_>) -> Result<PathAndQuery, ErrorKind> {
    let absolute = value.first() == Some(&b'/');
    if !(absolute || **value == *b"*") || value.contains(&b'#') || !value.is_ascii() {
        return Err(ErrorKind::BadPath);
    }
    PathAndQuery::from_maybe_shared(value.share()).map_err(|_| ErrorKind::BadPath)
}

/// `http` takes anything for a scheme, nothing too (RFC 3986, section 3.1).
pub(crate) fn is_scheme(value: &[u8]) -> bool {
    value.first().is_some_and(u8::is_ascii_alphabetic)
}

/// What `http` lets through in an authority: it looks neither at ports nor into brackets, and takes user information,
/// no host, and lists (RFC 9110, section 7.2; RFC 3986, section 3.2.2).
pub(crate) fn is_host(value: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(value) else { return false };
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) => {
            (address.starts_with(['v', 'V']) || address.parse::<Ipv6Addr>().is_ok(), port)
        }
        None => {
            let (host, port) = text.split_at(text.find(':').unwrap_or(text.len()));
            (!host.is_empty() && !host.contains(['@', ',']), port)
        }
    };
    host && match port.strip_prefix(':') {
        None => port.is_empty(),
        Some("") => true,
        Some(digits) => decimal(digits.as_bytes()).is_some_and(|port| port <= u16::MAX.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_names_are_what_http_makes_of_them() {
        for known in &NAMES {
            let name = known.as_str().as_bytes();
            assert_eq!(known_name(name).as_ref(), Some(known));
            assert_eq!(HeaderName::from_lowercase(name).ok().as_ref(), Some(known));
        }
        assert_eq!(known_name(b"sec-fetch-model"), None);
        assert!(matches!(Name::parse(b"Priority"), Name::Bad(ErrorKind::UppercaseFieldName)));
        assert!(matches!(Name::parse(b"priority"), Name::Regular(_, Role::Priority)));
    }
}
