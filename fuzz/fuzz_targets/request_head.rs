//! A request's head: judged the same however much of it is there, and within its limits.

#![no_main]

use barewire_fuzz::{judged_once, take_apart};
use barewire_h1::head;
use barewire_proto::Status;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((setup, _, wire)) = take_apart(data) else { return };
    let config = setup.config();
    judged_once(wire, |buf| match head::parse_request(buf, &config) {
        Ok(Status::Partial) => None,
        Ok(Status::Complete(head, used)) => {
            let (request, limits) = (&head.request, &config.limits);
            // Four empty lines may come before.
            assert!(used <= buf.len() && used <= limits.max_head + 8);
            assert!(request.headers().len() <= limits.max_fields);
            assert!(request.uri().to_string().len() <= limits.max_target + 1);
            assert!(head.body.known().is_none_or(|length| length <= limits.max_body));
            for value in request.headers().values() {
                assert!(!value.as_bytes().iter().any(|b| matches!(b, b'\r' | b'\n' | 0)));
            }
            let hosts = request.headers().get_all("host").iter().count();
            assert!(hosts == 1 || (hosts == 0 && request.version() == http::Version::HTTP_10));
            Some(format!("{request:?} {:?} {used}", head.body))
        }
        Err(error) => {
            assert!(error.answer().is_some(), "a server has nothing to say to {error}");
            Some(error.to_string())
        }
    });
});
