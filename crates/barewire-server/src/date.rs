use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The `Date` of a connection's responses, made once a second at most (RFC 9110, section 6.6.1).
#[derive(Debug, Default)]
pub(crate) struct Date {
    /// Until when the date that is set is the right one.
    until: Option<Instant>,
}

impl Date {
    /// The date, if the second that the last one names is over at `now`.
    #[inline]
    pub(crate) fn refresh(&mut self, now: Option<Instant>) -> Option<[u8; 29]> {
        if now.is_some() && now < self.until { None } else { self.make(now) }
    }

    fn make(&mut self, now: Option<Instant>) -> Option<[u8; 29]> {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let left = Duration::from_secs(1) - Duration::from_nanos(since_epoch.subsec_nanos().into());
        self.until = now.map(|now| now + left);
        let second = Duration::from_secs(since_epoch.as_secs());
        httpdate::fmt_http_date(UNIX_EPOCH + second).as_bytes().try_into().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_made_once_a_second_and_not_for_each_request() {
        let mut date = Date::default();
        let start = Instant::now();
        let first = date.refresh(Some(start)).expect("there is none yet");
        assert!(httpdate::parse_http_date(std::str::from_utf8(&first).unwrap()).is_ok());
        for _ in 0..3 {
            assert_eq!(date.refresh(Some(start)), None);
        }
        assert!(date.refresh(Some(start + Duration::from_secs(1))).is_some());
    }
}
