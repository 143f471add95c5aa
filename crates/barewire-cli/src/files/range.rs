//! Range requests for bytes (RFC 9110, section 14). No I/O.

use std::ops::Range;

use barewire::http::HeaderMap;
use barewire::http::header::RANGE;

/// What a request's `Range` selects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Selection {
    /// Everything: there is no `Range`, or none that is understood.
    Whole,
    /// These bytes, at least one of them: 206.
    Parts(Vec<Range<u64>>),
    /// Nothing of what there is: 416.
    Unsatisfiable,
}

/// Ranges of one request from which on it is not answered part by part, but whole. Guards against requests
/// whose answer is mostly part headers (RFC 9110, section 17.15).
const MAX_RANGES: usize = 64;

/// Ranges with a gap smaller than this are sent as one: the header of a part would be longer.
const WORTH_A_PART: u64 = 128;

/// Applies a request's `Range` to a representation of `len` bytes.
///
/// What cannot be parsed is ignored, as section 14.2 permits, and so is any range of an empty
/// representation, which some clients ask for to be safe.
pub(crate) fn select(headers: &HeaderMap, len: u64) -> Selection {
    let mut values = headers.get_all(RANGE).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return Selection::Whole };
    match value.to_str().ok().and_then(parse) {
        Some(specs) if len > 0 => satisfy(&specs, len),
        _ => Selection::Whole,
    }
}

/// One range as it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spec {
    From(u64),
    Inclusive(u64, u64),
    Last(u64),
}

fn parse(value: &str) -> Option<Vec<Spec>> {
    let (unit, list) = value.trim().split_once('=')?;
    if !unit.eq_ignore_ascii_case("bytes") {
        return None;
    }
    let mut specs = Vec::new();
    for item in list.split(',').map(|item| item.trim_matches([' ', '\t'])) {
        if !item.is_empty() {
            specs.push(Spec::parse(item)?);
        }
        if specs.len() > MAX_RANGES {
            return None;
        }
    }
    (!specs.is_empty()).then_some(specs)
}

impl Spec {
    fn parse(item: &str) -> Option<Self> {
        match item.split_once('-')? {
            ("", last) => Some(Self::Last(position(last)?)),
            (first, "") => Some(Self::From(position(first)?)),
            (first, last) => {
                let (first, last) = (position(first)?, position(last)?);
                (first <= last).then_some(Self::Inclusive(first, last))
            }
        }
    }

    fn satisfy(self, len: u64) -> Option<Range<u64>> {
        let range = match self {
            Self::From(first) => first..len,
            Self::Inclusive(first, last) => first..last.saturating_add(1).min(len),
            Self::Last(count) => len.saturating_sub(count)..len,
        };
        (!range.is_empty()).then_some(range)
    }
}

/// A number, or the largest there is in place of a larger one: both are past the end.
fn position(digits: &str) -> Option<u64> {
    let all_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    all_digits.then(|| digits.parse().unwrap_or(u64::MAX))
}

fn satisfy(specs: &[Spec], len: u64) -> Selection {
    let ranges: Vec<_> = specs.iter().filter_map(|spec| spec.satisfy(len)).collect();
    match ranges.is_empty() {
        true => Selection::Unsatisfiable,
        false => Selection::Parts(coalesce(ranges)),
    }
}

/// Ranges in the order in which they were asked for, unless some of them touch: then sorted, with those that
/// touch made one (RFC 9110, section 15.3.7.2).
fn coalesce(ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    let mut sorted = ranges.clone();
    sorted.sort_by_key(|range| range.start);
    let mut merged: Vec<Range<u64>> = Vec::with_capacity(sorted.len());
    for range in sorted {
        match merged.last_mut() {
            Some(last) if range.start < last.end.saturating_add(WORTH_A_PART) => {
                last.end = last.end.max(range.end);
            }
            _ => merged.push(range),
        }
    }
    if merged.len() == ranges.len() { ranges } else { merged }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Selection::{Unsatisfiable, Whole};

    fn parts(ranges: &[(u64, u64)]) -> Selection {
        Selection::Parts(ranges.iter().map(|&(start, end)| start..end).collect())
    }

    #[track_caller]
    fn check(value: &str, len: u64, wanted: Selection) {
        let headers = [(RANGE, value.parse().unwrap())].into_iter().collect();
        assert_eq!(select(&headers, len), wanted, "{value} of {len}");
    }

    #[test]
    fn one_range() {
        for (value, start, end) in [
            ("bytes=0-4", 0, 5),
            ("bytes=24-", 24, 26),
            ("bytes=-3", 23, 26),
            ("bytes=20-1000", 20, 26),
            ("bytes=-1000", 0, 26),
            ("bytes=25-25", 25, 26),
            ("bytes=0-18446744073709551615", 0, 26),
            ("bytes=-99999999999999999999", 0, 26),
            ("Bytes=0-0", 0, 1),
            ("bytes= 0-0\t", 0, 1),
            ("bytes=,0-0,,", 0, 1),
        ] {
            check(value, 26, parts(&[(start, end)]));
        }
    }

    #[test]
    fn what_is_past_the_end() {
        for value in ["bytes=26-", "bytes=1000-2000", "bytes=-0", "bytes=99999999999999999999-"] {
            check(value, 26, Unsatisfiable);
        }
        check("bytes=26-, 0-0", 26, parts(&[(0, 1)]));
        check("bytes=26-, 27-", 26, Unsatisfiable);
    }

    #[test]
    fn what_is_ignored() {
        for value in [
            "",
            "bytes",
            "bytes=",
            "bytes=,",
            "bytes=-",
            "bytes=5-2",
            "bytes=a-b",
            "bytes=1",
            "bytes=+1-2",
            "bytes=1--2",
            "bytes=0x1-2",
            "bytes=0-1;2-3",
            "bytes=0-1,x",
            "lines=0-4",
            "bytes =0-1",
        ] {
            check(value, 26, Whole);
        }
        check("bytes=0-", 0, Whole);
        check("bytes=-1", 0, Whole);
        assert_eq!(select(&HeaderMap::new(), 26), Whole);
        let twice = [(RANGE, "bytes=0-1".parse().unwrap()), (RANGE, "bytes=0-1".parse().unwrap())];
        assert_eq!(select(&twice.into_iter().collect(), 26), Whole);
    }

    #[test]
    fn several_ranges() {
        check("bytes=0-9,5000-5009", 9_999, parts(&[(0, 10), (5_000, 5_010)]));
        check("bytes=5000-5009,0-9", 9_999, parts(&[(5_000, 5_010), (0, 10)]));
        check("bytes=-1,0-0", 9_999, parts(&[(9_998, 9_999), (0, 1)]));
        // Those that overlap, touch or nearly touch are one.
        check("bytes=0-9,5-14", 9_999, parts(&[(0, 15)]));
        check("bytes=5-14,0-9,8000-8001", 9_999, parts(&[(0, 15), (8_000, 8_002)]));
        check("bytes=0-9,10-19", 9_999, parts(&[(0, 20)]));
        check("bytes=0-9,100-109", 9_999, parts(&[(0, 110)]));
        check("bytes=0-,0-,0-,0-", 9_999, parts(&[(0, 9_999)]));
    }

    #[test]
    fn more_ranges_than_anybody_needs() {
        let many = |n: usize| {
            let items: Vec<_> = (0..n).map(|n| format!("{0}-{0}", n * 1_000)).collect();
            format!("bytes={}", items.join(","))
        };
        let headers = |n| [(RANGE, many(n).parse().unwrap())].into_iter().collect();
        let Selection::Parts(parts) = select(&headers(MAX_RANGES), 1 << 30) else {
            panic!("so many are fine")
        };
        assert_eq!(parts.len(), MAX_RANGES);
        assert_eq!(select(&headers(MAX_RANGES + 1), 1 << 30), Whole);
    }
}
