//! From the fields of a header block to a request, a response or trailers, with the checks of RFC 9113,
//! section 8.

use std::borrow::Cow;

use http::header::{self, HeaderMap, HeaderValue, IntoHeaderName};
use http::uri::{Authority, PathAndQuery, Scheme, Uri};
use http::{Method, Request, Response, StatusCode, Version, uri};

use crate::fields::{HeadField, Role, is_host};
use crate::stream::UNKNOWN;
use crate::{ConnectProtocol, ErrorKind, Leniency, Priority};

/// What was seen of a header block so far.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    method: Option<Method>,
    scheme: Option<Scheme>,
    authority: Option<Authority>,
    path: Option<PathAndQuery>,
    protocol: Option<ConnectProtocol>,
    status: Option<StatusCode>,
    map: HeaderMap,
    regular: usize,
    pseudo: usize,
    cookies: usize,
    host: bool,
    content_length: Option<u64>,
    priority: Option<Priority>,
    wrong: Option<ErrorKind>,
}

/// A head, and what this layer has to know of it.
#[derive(Debug)]
pub(crate) struct Head<T> {
    pub(crate) head: T,
    pub(crate) facts: Facts,
}

/// What this layer has to know of a head.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    pub(crate) form: Form,
    pub(crate) content_length: Option<u64>,
    pub(crate) priority: Option<Priority>,
    /// There is `Host`.
    pub(crate) host: bool,
}

/// What a head is of, as far as framing depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Request,
    HeadRequest,
    Connect,
    ExtendedConnect,
    Response(StatusCode),
}

/// What the limits and leniencies say about a block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) max_fields: usize,
    /// How many fields the map is made for.
    pub(crate) expected: usize,
    pub(crate) leniency: Leniency,
}

impl Fields {
    /// How many regular fields there are.
    pub(crate) fn len(&self) -> usize {
        self.regular
    }

    /// How many pseudo-header fields there are.
    pub(crate) fn pseudo_len(&self) -> usize {
        self.pseudo
    }

    /// Adds the regular fields of a good head that came before, to pseudo-header fields alone.
    pub(crate) fn add_section(&mut self, map: &HeaderMap, facts: &Facts) {
        self.map = map.clone();
        self.regular = map.len();
        self.content_length = facts.content_length;
        self.priority = facts.priority;
        self.host = facts.host;
    }

    #[inline]
    pub(crate) fn add(&mut self, field: Cow<'_, HeadField>, rules: &Rules) {
        // Most fields: cloned where they are wanted, since a move right after a clone waits for what that wrote.
        if let Cow::Borrowed(HeadField::Regular(name, value, role)) = field {
            if *role == Role::None || self.special(value, *role, rules) {
                self.insert(name, value.clone(), rules);
            }
            return;
        }
        match field.into_owned() {
            HeadField::Regular(name, value, role) => {
                if self.special(&value, role, rules) {
                    self.insert(name, value, rules);
                }
            }
            HeadField::Padded(name, value, role) if rules.leniency.surrounding_whitespace => {
                if self.special(&value, role, rules) {
                    self.insert(name, value, rules);
                }
            }
            HeadField::Padded(..) => self.refuse(ErrorKind::BadFieldValue),
            HeadField::Bad(_, kind) => self.refuse(kind),
            HeadField::Method(method) => {
                self.pseudo(|fields| fields.method.replace(method).is_some())
            }
            HeadField::Scheme(scheme) => {
                self.pseudo(|fields| fields.scheme.replace(scheme).is_some())
            }
            HeadField::Path(path) => self.pseudo(|fields| fields.path.replace(path).is_some()),
            HeadField::Authority(authority) => {
                self.pseudo(|fields| fields.authority.replace(authority).is_some());
            }
            HeadField::Protocol(protocol) => {
                self.pseudo(|fields| fields.protocol.replace(protocol).is_some());
            }
            HeadField::Status(status) => {
                self.pseudo(|fields| fields.status.replace(status).is_some())
            }
        }
    }

    /// The first thing that is wrong counts.
    fn refuse(&mut self, kind: ErrorKind) {
        self.wrong.get_or_insert(kind);
    }

    #[inline]
    fn pseudo(&mut self, set: impl FnOnce(&mut Self) -> bool) {
        self.pseudo = self.pseudo.saturating_add(1);
        if self.regular > 0 {
            self.refuse(ErrorKind::PseudoHeaderMisplaced);
        }
        if set(self) {
            self.refuse(ErrorKind::RepeatedPseudoHeader);
        }
    }

    #[inline]
    fn insert(&mut self, name: impl IntoHeaderName, value: HeaderValue, rules: &Rules) {
        if self.regular == 0 && rules.expected > 0 {
            self.map = HeaderMap::with_capacity(rules.expected);
        }
        self.regular = self.regular.saturating_add(1);
        if self.regular > rules.max_fields {
            return self.refuse(ErrorKind::HeaderListTooLarge);
        }
        if self.map.try_append(name, value).is_err() {
            self.refuse(ErrorKind::HeaderListTooLarge);
        }
    }

    /// What a field's role asks for. Says whether the field is to be kept.
    fn special(&mut self, value: &HeaderValue, role: Role, rules: &Rules) -> bool {
        match role {
            Role::None => {}
            Role::Host => self.host = true,
            Role::Connection if rules.leniency.connection_specific_fields => return false,
            Role::Connection => self.refuse(ErrorKind::ConnectionSpecificField),
            Role::Te if value.as_bytes().eq_ignore_ascii_case(b"trailers") => {}
            Role::Te if rules.leniency.connection_specific_fields => return false,
            Role::Te => self.refuse(ErrorKind::ConnectionSpecificField),
            Role::ContentLength => match (decimal(value.as_bytes()), self.content_length) {
                (Some(length), None) if length != UNKNOWN => self.content_length = Some(length),
                _ => self.refuse(ErrorKind::BadContentLength),
            },
            Role::Cookie => self.cookies = self.cookies.saturating_add(1),
            Role::Priority => self.priority = Some(Priority::parse(value.as_bytes())),
        }
        true
    }

    /// A request, checked (RFC 9113, section 8.3.1).
    pub(crate) fn request(&mut self) -> Result<Head<Request<()>>, ErrorKind> {
        if let Some(kind) = self.wrong {
            return Err(kind);
        }
        if self.status.is_some() {
            return Err(ErrorKind::UnknownPseudoHeader);
        }
        let method = self.method.take().ok_or(ErrorKind::MissingPseudoHeader)?;
        if self.cookies > 1 {
            join_cookies(&mut self.map)?;
        }
        let uri = self.target(&method)?;
        let form = match method {
            Method::HEAD => Form::HeadRequest,
            Method::CONNECT if self.protocol.is_some() => Form::ExtendedConnect,
            Method::CONNECT => Form::Connect,
            _ => Form::Request,
        };
        let mut request = Request::new(());
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        *request.version_mut() = Version::HTTP_2;
        *request.headers_mut() = std::mem::take(&mut self.map);
        if let Some(protocol) = self.protocol.take() {
            request.extensions_mut().insert(protocol);
        }
        Ok(Head { head: request, facts: self.facts(form) })
    }

    fn facts(&self, form: Form) -> Facts {
        let Self { content_length, priority, host, .. } = *self;
        Facts { form, content_length, priority, host }
    }

    fn target(&mut self, method: &Method) -> Result<Uri, ErrorKind> {
        let mut parts = uri::Parts::default();
        if *method == Method::CONNECT && self.protocol.is_none() {
            if self.scheme.is_some() || self.path.is_some() {
                return Err(ErrorKind::BadConnect);
            }
            let authority = self.authority.take().ok_or(ErrorKind::BadConnect)?;
            if authority.port().is_none() {
                return Err(ErrorKind::BadAuthority);
            }
            parts.authority = Some(authority);
            return Uri::from_parts(parts).map_err(|_| ErrorKind::BadConnect);
        }
        if self.protocol.is_some() && (*method != Method::CONNECT || self.authority.is_none()) {
            return Err(ErrorKind::BadProtocol);
        }
        let scheme = self.scheme.take().ok_or(ErrorKind::MissingPseudoHeader)?;
        let path = self.path.take().ok_or(ErrorKind::MissingPseudoHeader)?;
        if path.as_str() == "*" && *method != Method::OPTIONS {
            return Err(ErrorKind::BadPath);
        }
        let authority = match (self.authority.take(), self.host) {
            (authority, false) => authority,
            (authority, true) => Some(self.host(authority)?),
        };
        // Without an authority the scheme has no place in a `Uri`.
        if let Some(authority) = authority {
            parts.scheme = Some(scheme);
            parts.authority = Some(authority);
        }
        parts.path_and_query = Some(path);
        Uri::from_parts(parts).map_err(|_| ErrorKind::BadPath)
    }

    /// `Host` says the same as `:authority`, or stands in for it.
    fn host(&self, authority: Option<Authority>) -> Result<Authority, ErrorKind> {
        let mut hosts = self.map.get_all(header::HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else {
            return Err(ErrorKind::BadAuthority);
        };
        match authority {
            Some(authority) => {
                let same = authority.as_str().as_bytes().eq_ignore_ascii_case(host.as_bytes());
                if same { Ok(authority) } else { Err(ErrorKind::BadAuthority) }
            }
            None if !is_host(host.as_bytes()) => Err(ErrorKind::BadAuthority),
            None => Authority::try_from(host.as_bytes()).map_err(|_| ErrorKind::BadAuthority),
        }
    }

    /// A response, checked (RFC 9113, section 8.3.2).
    pub(crate) fn response(&mut self) -> Result<Head<Response<()>>, ErrorKind> {
        if let Some(kind) = self.wrong {
            return Err(kind);
        }
        let request = self.method.is_some()
            || self.scheme.is_some()
            || self.authority.is_some()
            || self.path.is_some()
            || self.protocol.is_some();
        if request {
            return Err(ErrorKind::UnknownPseudoHeader);
        }
        let status = self.status.ok_or(ErrorKind::MissingPseudoHeader)?;
        if status == StatusCode::SWITCHING_PROTOCOLS {
            return Err(ErrorKind::BadStatus);
        }
        let mut response = Response::new(());
        *response.status_mut() = status;
        *response.version_mut() = Version::HTTP_2;
        *response.headers_mut() = std::mem::take(&mut self.map);
        Ok(Head { head: response, facts: self.facts(Form::Response(status)) })
    }

    /// Trailers, checked (RFC 9113, section 8.1).
    pub(crate) fn into_trailers(self) -> Result<HeaderMap, ErrorKind> {
        match self.wrong {
            _ if self.pseudo > 0 => Err(ErrorKind::PseudoHeaderMisplaced),
            Some(kind) => Err(kind),
            None => Ok(self.map),
        }
    }
}

/// `1*DIGIT`, and not above what 64 bits hold.
pub(crate) fn decimal(value: &[u8]) -> Option<u64> {
    if value.is_empty() {
        return None;
    }
    value.iter().try_fold(0u64, |sum, digit| match digit {
        b'0'..=b'9' => sum.checked_mul(10)?.checked_add(u64::from(digit.wrapping_sub(b'0'))),
        _ => None,
    })
}

/// Cookies that were split for compression become one field again (RFC 9113, section 8.2.3).
fn join_cookies(map: &mut HeaderMap) -> Result<(), ErrorKind> {
    let mut joined = Vec::new();
    let mut sensitive = false;
    for cookie in map.get_all(header::COOKIE) {
        if !joined.is_empty() {
            joined.extend_from_slice(b"; ");
        }
        joined.extend_from_slice(cookie.as_bytes());
        sensitive |= cookie.is_sensitive();
    }
    let mut value = HeaderValue::from_maybe_shared(bytes::Bytes::from(joined))
        .map_err(|_| ErrorKind::BadFieldValue)?;
    value.set_sensitive(sensitive);
    map.insert(header::COOKIE, value);
    Ok(())
}
