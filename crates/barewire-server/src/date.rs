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

#[cfg(test)]
mod tests {
    use barewire_h1::ServerConnection;
    use barewire_proto::{Buf, Protocol};
    use bytes::Bytes;
    use http::Response;

    use super::*;

    /// What an answer gives as its date.
    fn date_of(connection: &mut ServerConnection) -> String {
        let rest =
            connection.input().push(Bytes::from_static(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert!(rest.is_empty());
        connection.poll_event().unwrap().expect("a request");
        connection.respond(&Response::new(()), Bytes::new()).unwrap();
        let output = connection.output();
        let head = output.copy_to_bytes(output.remaining());
        let head = std::str::from_utf8(&head).unwrap();
        let field = head.lines().find_map(|line| line.strip_prefix("date: "));
        field.expect("a date").to_owned()
    }

    #[test]
    fn it_is_made_once_a_second_and_not_for_each_request() {
        let mut connection = ServerConnection::new(barewire_h1::Config::default());
        let mut date = Date::default();
        let start = Instant::now();
        date.refresh(&mut connection, Some(start));
        assert!(httpdate::parse_http_date(&date_of(&mut connection)).is_ok());

        let mark = *b"Sun, 06 Nov 1994 08:49:37 GMT";
        connection.set_date(mark);
        for _ in 0..3 {
            date.refresh(&mut connection, Some(start));
            assert_eq!(date_of(&mut connection).as_bytes(), mark);
        }
        date.refresh(&mut connection, Some(start + Duration::from_secs(1)));
        assert_ne!(date_of(&mut connection).as_bytes(), mark);
    }
}
