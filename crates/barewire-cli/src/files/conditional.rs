//! Conditional requests (RFC 9110, section 13). No I/O.

use std::time::UNIX_EPOCH;

use barewire::http::header::{
    IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE,
};
use barewire::http::{HeaderMap, HeaderName, Method};

use super::validators::{Presented, Validators};

/// What a request's conditions come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Answer as if there were no conditions, except that a `Range` only counts if `range` says so.
    Proceed {
        /// `If-Range` is true, or absent.
        range: bool,
    },
    /// 304.
    NotModified,
    /// 412.
    PreconditionFailed,
}

/// Evaluates the conditions of a request for a file that exists, in the order of RFC 9110, section 13.2.2.
pub(crate) fn evaluate(method: &Method, headers: &HeaderMap, file: &Validators) -> Verdict {
    let is_read = *method == Method::GET || *method == Method::HEAD;
    if headers.contains_key(IF_MATCH) {
        if !matches_any(headers, IF_MATCH, |tag| file.tag.strongly_equals(tag)) {
            return Verdict::PreconditionFailed;
        }
    } else if let Some(modified) = file.modified
        && date_of(headers, IF_UNMODIFIED_SINCE).is_some_and(|date| modified > date)
    {
        return Verdict::PreconditionFailed;
    }
    if headers.contains_key(IF_NONE_MATCH) {
        if matches_any(headers, IF_NONE_MATCH, |tag| file.tag.weakly_equals(tag)) {
            return if is_read { Verdict::NotModified } else { Verdict::PreconditionFailed };
        }
    } else if let Some(modified) = file.modified.filter(|_| is_read)
        && date_of(headers, IF_MODIFIED_SINCE).is_some_and(|date| modified <= date)
    {
        return Verdict::NotModified;
    }
    Verdict::Proceed { range: allows_range(headers, file) }
}

/// `If-Range` (RFC 9110, section 13.1.5): only a strong validator will do.
fn allows_range(headers: &HeaderMap, file: &Validators) -> bool {
    let mut values = headers.get_all(IF_RANGE).iter();
    let Some(value) = values.next() else { return true };
    if values.next().is_some() {
        return false;
    }
    match Presented::parse(value.as_bytes().trim_ascii()) {
        Some((tag, b"")) => file.tag.strongly_equals(&tag),
        Some(_) => false,
        None => {
            let date = date_of(headers, IF_RANGE);
            file.is_date_strong() && date.is_some() && date == file.modified
        }
    }
}

/// Whether a list of tags is `*`, or one of them passes.
fn matches_any(
    headers: &HeaderMap,
    name: HeaderName,
    passes: impl Fn(&Presented<'_>) -> bool,
) -> bool {
    headers.get_all(name).iter().any(|value| {
        let value = value.as_bytes();
        value.trim_ascii() == b"*" || Presented::parse_list(value).any(|tag| passes(&tag))
    })
}

/// The date of a field in whole seconds since 1970. What is no date, or more than one, is no condition.
fn date_of(headers: &HeaderMap, name: HeaderName) -> Option<u64> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().filter(|_| values.next().is_none())?;
    let date = httpdate::parse_http_date(value.to_str().ok()?.trim()).ok()?;
    Some(date.duration_since(UNIX_EPOCH).ok()?.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::validators::EntityTag;

    const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const AFTER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

    const GO: Verdict = Verdict::Proceed { range: true };
    const WHOLE: Verdict = Verdict::Proceed { range: false };
    use Verdict::{NotModified, PreconditionFailed};

    fn file(weak: bool) -> Validators {
        Validators { tag: EntityTag { weak, opaque: "a".into() }, modified: Some(784_111_777) }
    }

    fn verdict(file: &Validators, fields: &[(HeaderName, &str)]) -> Verdict {
        verdict_of(Method::GET, file, fields)
    }

    fn verdict_of(method: Method, file: &Validators, fields: &[(HeaderName, &str)]) -> Verdict {
        let headers =
            fields.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
        evaluate(&method, &headers, file)
    }

    #[test]
    fn each_condition_alone() {
        for (name, value, wanted) in [
            (IF_MATCH, "*", GO),
            (IF_MATCH, "\"a\"", GO),
            (IF_MATCH, "\"b\", \"a\"", GO),
            (IF_MATCH, "\"b\"", PreconditionFailed),
            (IF_MATCH, "W/\"a\"", PreconditionFailed),
            (IF_MATCH, "", PreconditionFailed),
            (IF_UNMODIFIED_SINCE, DATE, GO),
            (IF_UNMODIFIED_SINCE, AFTER, GO),
            (IF_UNMODIFIED_SINCE, BEFORE, PreconditionFailed),
            (IF_UNMODIFIED_SINCE, "no date", GO),
            (IF_NONE_MATCH, "*", NotModified),
            (IF_NONE_MATCH, "\"a\"", NotModified),
            (IF_NONE_MATCH, "W/\"a\"", NotModified),
            (IF_NONE_MATCH, "\"b\",\"a\"", NotModified),
            (IF_NONE_MATCH, "\"b\"", GO),
            (IF_NONE_MATCH, "a", GO),
            (IF_MODIFIED_SINCE, DATE, NotModified),
            (IF_MODIFIED_SINCE, AFTER, NotModified),
            (IF_MODIFIED_SINCE, BEFORE, GO),
            (IF_MODIFIED_SINCE, "no date", GO),
            (IF_MODIFIED_SINCE, "Sunday, 06-Nov-94 08:49:37 GMT", NotModified),
            (IF_MODIFIED_SINCE, "Sun Nov  6 08:49:37 1994", NotModified),
            (IF_RANGE, "\"a\"", GO),
            (IF_RANGE, "W/\"a\"", WHOLE),
            (IF_RANGE, "\"b\"", WHOLE),
            (IF_RANGE, "\"a\", \"b\"", WHOLE),
            (IF_RANGE, "*", WHOLE),
            (IF_RANGE, DATE, GO),
            (IF_RANGE, BEFORE, WHOLE),
            (IF_RANGE, AFTER, WHOLE),
        ] {
            assert_eq!(verdict(&file(false), &[(name.clone(), value)]), wanted, "{name}: {value}");
        }
    }

    #[test]
    fn weak_validators_let_no_range_through() {
        for (name, value, wanted) in [
            (IF_MATCH, "\"a\"", PreconditionFailed),
            (IF_MATCH, "W/\"a\"", PreconditionFailed),
            (IF_NONE_MATCH, "W/\"a\"", NotModified),
            (IF_RANGE, "W/\"a\"", WHOLE),
            (IF_RANGE, "\"a\"", WHOLE),
            (IF_RANGE, DATE, WHOLE),
        ] {
            assert_eq!(verdict(&file(true), &[(name.clone(), value)]), wanted, "{name}: {value}");
        }
    }

    #[test]
    fn several_in_the_order_of_section_13_2_2() {
        for (fields, wanted) in [
            // The tag is better than the date, whatever the date says.
            (&[(IF_MATCH, "\"a\""), (IF_UNMODIFIED_SINCE, BEFORE)][..], GO),
            (&[(IF_NONE_MATCH, "\"b\""), (IF_MODIFIED_SINCE, DATE)], GO),
            (&[(IF_NONE_MATCH, "\"a\""), (IF_MODIFIED_SINCE, BEFORE)], NotModified),
            (&[(IF_MATCH, "\"b\""), (IF_NONE_MATCH, "\"a\"")], PreconditionFailed),
            (&[(IF_MATCH, "\"a\""), (IF_NONE_MATCH, "\"a\"")], NotModified),
            (&[(IF_UNMODIFIED_SINCE, DATE), (IF_NONE_MATCH, "\"a\"")], NotModified),
            (&[(IF_NONE_MATCH, "\"a\""), (IF_RANGE, "\"b\"")], NotModified),
            (&[(IF_NONE_MATCH, "\"b\""), (IF_RANGE, "\"b\"")], WHOLE),
            // One list on two lines; two dates are none.
            (&[(IF_NONE_MATCH, "\"b\""), (IF_NONE_MATCH, "\"a\"")], NotModified),
            (&[(IF_MODIFIED_SINCE, DATE), (IF_MODIFIED_SINCE, DATE)], GO),
            (&[(IF_RANGE, "\"a\""), (IF_RANGE, "\"a\"")], WHOLE),
        ] {
            assert_eq!(verdict(&file(false), fields), wanted, "{fields:?}");
        }
    }

    #[test]
    fn methods_that_do_not_read() {
        let file = file(false);
        let is = |field, value| verdict_of(Method::PUT, &file, &[(field, value)]);
        assert_eq!(is(IF_NONE_MATCH, "*"), PreconditionFailed);
        assert_eq!(is(IF_MODIFIED_SINCE, DATE), GO);
    }

    #[test]
    fn a_file_without_a_date() {
        let file = Validators { modified: None, ..file(false) };
        for name in [IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE] {
            assert_eq!(verdict(&file, &[(name, DATE)]), GO);
        }
        assert_eq!(verdict(&file, &[(IF_RANGE, DATE)]), WHOLE);
    }
}
