//! The fields of a request's head, from the client's defaults and what the caller gave. No I/O.

use http::header::{ACCEPT, USER_AGENT};
use http::{HeaderMap, HeaderValue};

/// What a client says of itself in each request that does not say otherwise.
pub(crate) fn defaults(user_agent: HeaderValue, given: &HeaderMap) -> HeaderMap {
    let mut fields = HeaderMap::with_capacity(given.len() + 2);
    fields.insert(USER_AGENT, user_agent);
    fields.insert(ACCEPT, const { HeaderValue::from_static("*/*") });
    for name in given.keys() {
        fields.remove(name);
    }
    fields.extend(given.clone());
    fields
}

/// The fields of a request: the defaults that the caller did not replace, then the caller's. `Host` and what
/// frames the body is added by the protocol.
pub(crate) fn assemble(defaults: &HeaderMap, given: &HeaderMap) -> HeaderMap {
    let mut fields = HeaderMap::with_capacity(defaults.len() + given.len());
    for (name, value) in defaults {
        if !given.contains_key(name) {
            fields.append(name, value.clone());
        }
    }
    for (name, value) in given {
        fields.append(name, value.clone());
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::{ACCEPT_LANGUAGE, COOKIE};

    fn shown(fields: &HeaderMap) -> Vec<String> {
        fields.iter().map(|(n, v)| format!("{n}: {}", v.to_str().unwrap())).collect()
    }

    #[test]
    fn defaults_that_are_not_replaced_and_then_the_callers() {
        let mut own = HeaderMap::new();
        own.insert(ACCEPT_LANGUAGE, HeaderValue::from_static("de"));
        let defaults = defaults(HeaderValue::from_static("ua"), &own);
        assert_eq!(
            shown(&assemble(&defaults, &HeaderMap::new())),
            ["user-agent: ua", "accept: */*", "accept-language: de"]
        );
        let mut given = HeaderMap::new();
        given.append(COOKIE, HeaderValue::from_static("a=1"));
        given.append(COOKIE, HeaderValue::from_static("b=2"));
        given.append(ACCEPT, HeaderValue::from_static("text/html"));
        assert_eq!(
            shown(&assemble(&defaults, &given)),
            [
                "user-agent: ua",
                "accept-language: de",
                "cookie: a=1",
                "cookie: b=2",
                "accept: text/html"
            ]
        );
    }

    #[test]
    fn default_fields_take_the_place_of_the_built_in_ones() {
        let mut own = HeaderMap::new();
        own.insert(USER_AGENT, HeaderValue::from_static("mine"));
        let fields = defaults(HeaderValue::from_static("ua"), &own);
        assert_eq!(shown(&fields), ["accept: */*", "user-agent: mine"]);
    }
}
