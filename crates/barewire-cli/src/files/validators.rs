//! What tells one version of a file from another (RFC 9110, section 8.8). No I/O.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What the system says about a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    /// Bytes.
    pub(crate) len: u64,
    /// When its content changed last: seconds since 1970, and nanoseconds.
    pub(crate) modified: (i64, u32),
    /// When its content or anything else about it changed last. Unlike `modified` nobody can set it.
    pub(crate) changed: (i64, u32),
}

/// The validators of one version of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Validators {
    pub(crate) tag: EntityTag,
    /// Whole seconds since 1970; `None` for a time that a date cannot express.
    pub(crate) modified: Option<u64>,
}

/// How long after a change a further one might leave the file's times as they are: clocks of file systems
/// tick every few milliseconds, some every two seconds.
const UNSETTLED: Duration = Duration::from_secs(2);

/// The last second of the year 9999.
const LAST_DATE: u64 = 253_402_300_799;

impl Validators {
    /// Strong, unless the file was modified so shortly before `now` that its next change might not show.
    pub(crate) fn of(stat: &Stat, now: SystemTime) -> Self {
        let opaque = format!(
            "{:x}.{:x}-{:x}.{:x}-{:x}",
            stat.modified.0, stat.modified.1, stat.changed.0, stat.changed.1, stat.len
        );
        let since_1970 = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let modified = u64::try_from(stat.modified.0).ok().filter(|&seconds| seconds <= LAST_DATE);
        let settled = stat.modified.0 < 0
            || modified.is_some_and(|seconds| {
                Duration::new(seconds, stat.modified.1) + UNSETTLED <= since_1970
            });
        Self {
            tag: EntityTag { weak: !settled, opaque },
            // A date of the future must not be sent (RFC 9110, section 8.8.2.1).
            modified: modified.map(|seconds| seconds.min(since_1970.as_secs())),
        }
    }

    /// Whether the date of last modification is as good as a strong tag (RFC 9110, section 8.8.2.2).
    pub(crate) fn is_date_strong(&self) -> bool {
        !self.tag.weak
    }

    /// The field value of `Last-Modified`.
    pub(crate) fn last_modified(&self) -> Option<String> {
        self.modified
            .map(|seconds| httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds)))
    }
}

/// An entity tag (RFC 9110, section 8.8.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EntityTag {
    pub(crate) weak: bool,
    /// What stands between the quotes.
    pub(crate) opaque: String,
}

impl EntityTag {
    /// The field value of `ETag`.
    pub(crate) fn value(&self) -> String {
        format!("{}\"{}\"", if self.weak { "W/" } else { "" }, self.opaque)
    }

    /// The comparison of `If-Match` and `If-Range`.
    pub(crate) fn strongly_equals(&self, other: &Presented<'_>) -> bool {
        !self.weak && !other.weak && self.opaque.as_bytes() == other.opaque
    }

    /// The comparison of `If-None-Match`.
    pub(crate) fn weakly_equals(&self, other: &Presented<'_>) -> bool {
        self.opaque.as_bytes() == other.opaque
    }
}

/// An entity tag as a client sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Presented<'a> {
    pub(crate) weak: bool,
    pub(crate) opaque: &'a [u8],
}

impl<'a> Presented<'a> {
    /// The tag that `text` begins with, and what follows it.
    pub(crate) fn parse(text: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (weak, rest) = match text.strip_prefix(b"W/") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let rest = rest.strip_prefix(b"\"")?;
        let end = rest.iter().position(|byte| !matches!(byte, 0x21 | 0x23..=0x7E | 0x80..))?;
        let (opaque, rest) = rest.split_at(end);
        Some((Self { weak, opaque }, rest.strip_prefix(b"\"")?))
    }

    /// The tags of a list; it ends where it is malformed.
    pub(crate) fn parse_list(mut text: &'a [u8]) -> impl Iterator<Item = Self> {
        std::iter::from_fn(move || {
            text = text.trim_ascii_start();
            while let Some(rest) = text.strip_prefix(b",") {
                text = rest.trim_ascii_start();
            }
            let (tag, rest) = Self::parse(text)?;
            text = rest.trim_ascii_start();
            if !text.is_empty() && !text.starts_with(b",") {
                text = b"";
                return None;
            }
            Some(tag)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn stat(seconds: i64) -> Stat {
        Stat { len: 255, modified: (seconds, 1), changed: (seconds, 2) }
    }

    #[test]
    fn tags_tell_versions_apart_and_are_strong_once_the_file_has_settled() {
        let old = Validators::of(&stat(1_000), at(2_000));
        assert_eq!(old.tag.value(), "\"3e8.1-3e8.2-ff\"");
        assert!(old.is_date_strong());
        assert_eq!(old.last_modified().unwrap(), "Thu, 01 Jan 1970 00:16:40 GMT");
        for other in [
            Stat { len: 256, ..stat(1_000) },
            Stat { modified: (1_000, 2), ..stat(1_000) },
            Stat { changed: (1_000, 1), ..stat(1_000) },
        ] {
            assert_ne!(Validators::of(&other, at(2_000)).tag, old.tag);
        }
        for (now, weak) in [(1_000, true), (1_002, true), (1_003, false)] {
            let validators = Validators::of(&stat(1_000), at(now));
            assert_eq!(validators.tag.weak, weak, "{now}");
            assert_eq!(validators.is_date_strong(), !weak, "{now}");
        }
        assert!(Validators::of(&stat(1_000), at(1_000)).tag.value().starts_with("W/\""));
    }

    #[test]
    fn times_that_no_date_can_express() {
        let ancient = Validators::of(&stat(-1), at(2_000));
        assert_eq!((ancient.modified, ancient.tag.weak), (None, false));
        let future = Validators::of(&stat(9_000), at(2_000));
        assert_eq!((future.modified, future.tag.weak), (Some(2_000), true));
        let absurd = Validators::of(&stat(i64::MAX), at(2_000));
        assert_eq!((absurd.last_modified(), absurd.tag.weak), (None, true));
    }

    #[test]
    fn lists_of_tags() {
        let shown = |list: &str| -> Vec<String> {
            Presented::parse_list(list.as_bytes())
                .map(|tag| format!("{}{}", u8::from(tag.weak), tag.opaque.escape_ascii()))
                .collect()
        };
        for (list, tags) in [
            ("", &[][..]),
            ("\"a\"", &["0a"]),
            ("W/\"a\"", &["1a"]),
            ("\"\"", &["0"]),
            ("\"a\", W/\"b\" ,\t\"c,d\"", &["0a", "1b", "0c,d"]),
            (", ,\"a\",,\"b\",", &["0a", "0b"]),
            ("\"a\", b, \"c\"", &["0a"]),
            ("\"a\" \"b\"", &[]),
            ("\"a", &[]),
            ("a", &[]),
            ("w/\"a\"", &[]),
            ("\"a b\"", &[]),
        ] {
            assert_eq!(shown(list), tags, "{list}");
        }
    }

    #[test]
    fn comparisons_of_rfc_9110_section_8_8_3_2() {
        for (ours, theirs, strong, weak) in [
            ("W/\"1\"", "W/\"1\"", false, true),
            ("W/\"1\"", "W/\"2\"", false, false),
            ("W/\"1\"", "\"1\"", false, true),
            ("\"1\"", "W/\"1\"", false, true),
            ("\"1\"", "\"1\"", true, true),
            ("\"1\"", "\"2\"", false, false),
        ] {
            let (presented, _) = Presented::parse(ours.as_bytes()).unwrap();
            let opaque = String::from_utf8(presented.opaque.to_vec()).unwrap();
            let ours = EntityTag { weak: presented.weak, opaque };
            let (theirs, _) = Presented::parse(theirs.as_bytes()).unwrap();
            assert_eq!(ours.strongly_equals(&theirs), strong, "{ours:?} {theirs:?}");
            assert_eq!(ours.weakly_equals(&theirs), weak, "{ours:?} {theirs:?}");
        }
    }
}
