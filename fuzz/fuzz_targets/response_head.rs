//! A response's head: judged the same however much of it is there, and within its limits.

#![no_main]

use barewire_fuzz::{judged_once, take_apart};
use barewire_h1::head;
use barewire_proto::Status;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((setup, _, wire)) = take_apart(data) else { return };
    let config = setup.config();
    judged_once(wire, |buf| match head::parse_response(buf, &config) {
        Ok(Status::Partial) => None,
        Ok(Status::Complete(head, used)) => {
            let (response, limits) = (&head.response, &config.limits);
            assert!(used <= buf.len() && used <= limits.max_head);
            assert!(response.headers().len() <= limits.max_fields);
            assert!((100..600).contains(&response.status().as_u16()));
            for value in response.headers().values() {
                assert!(!value.as_bytes().iter().any(|b| matches!(b, b'\r' | b'\n' | 0)));
            }
            Some(format!("{response:?} {used}"))
        }
        Err(error) => Some(error.to_string()),
    });
});
