use std::time::{Duration, SystemTime, UNIX_EPOCH};

use barewire_h1::ServerConnection;

/// The `Date` of a connection's responses, formatted once a second at most (RFC 9110, section 6.6.1).
#[derive(Debug, Default)]
pub(crate) struct Date {
    second: u64,
}

impl Date {
    /// Sets the current second's date, if it is not set yet.
    pub(crate) fn refresh(&mut self, connection: &mut ServerConnection) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        if now != self.second {
            self.second = now;
            let text = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(now));
            if let Ok(text) = text.as_bytes().try_into() {
                connection.set_date(text);
            }
        }
    }
}
