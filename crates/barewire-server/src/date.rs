use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use barewire_h1::ServerConnection;

/// The `Date` of a connection's responses, made once a second at most (RFC 9110, section 6.6.1).
#[derive(Debug, Default)]
pub(crate) struct Date {
    /// Until when the date that is set is the right one.
    until: Option<Instant>,
}

impl Date {
    /// Sets the date, if the second that it names is over at `now`.
    pub(crate) fn refresh(&mut self, connection: &mut ServerConnection, now: Option<Instant>) {
        if now.is_some() && now < self.until {
            return;
        }
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let left = Duration::from_secs(1) - Duration::from_nanos(since_epoch.subsec_nanos().into());
        self.until = now.map(|now| now + left);
        let second = Duration::from_secs(since_epoch.as_secs());
        if let Ok(text) = httpdate::fmt_http_date(UNIX_EPOCH + second).as_bytes().try_into() {
            connection.set_date(text);
        }
    }
}
