//! Heads of responses.

use barewire_proto::Status;
use http::{Response, StatusCode};

use super::{ResponseHead, Window, partial, refuses, version, window, with_slots};
use crate::block::Block;
use crate::fields::Role;
use crate::framing::{Coding, Framing};
use crate::section::{check_line_ends, collect};
use crate::{Config, Error, ErrorKind, diagnose};

pub(crate) fn parse_response_into(
    block: &mut Block,
    buf: &[u8],
    config: &Config,
) -> Result<Status<ResponseHead>, Error> {
    // httparse would skip empty lines, which a status line has none before it.
    if buf.first().is_some_and(|&b| b != b'H') {
        return Err(ErrorKind::BadStatusLine.into());
    }
    let window = match window(buf, config) {
        Window::Lines(window) => window,
        Window::Partial => return Ok(Status::Partial),
        Window::Endless => return Err(ErrorKind::HeadTooLarge.into()),
    };
    let mut parser = httparse::ParserConfig::default();
    parser
        .allow_obsolete_multiline_headers_in_responses(config.leniency.obsolete_line_folding)
        .allow_spaces_after_header_name_in_responses(config.leniency.whitespace_before_colon);
    with_slots(config, |slots| {
        let mut parsed = httparse::Response::new(&mut []);
        match parser.parse_response_with_uninit_headers(&mut parsed, window, slots) {
            Ok(httparse::Status::Complete(used)) => {
                let head =
                    response(block, &parsed, window.get(..used).unwrap_or_default(), config)?;
                Ok(Status::Complete(head, used))
            }
            Ok(httparse::Status::Partial) => partial(buf, config),
            Err(error) => Err(diagnose::response(window, error, config, |lines| {
                refuses(config, |slots| {
                    parser
                        .parse_response_with_uninit_headers(
                            &mut httparse::Response::new(&mut []),
                            lines,
                            slots,
                        )
                        .is_err()
                })
            })),
        }
    })
}

fn response(
    block: &mut Block,
    parsed: &httparse::Response<'_, '_>,
    head: &[u8],
    config: &Config,
) -> Result<ResponseHead, Error> {
    let status = parsed
        .code
        .filter(|code| (100..600).contains(code))
        .and_then(|code| StatusCode::from_u16(code).ok())
        .ok_or(ErrorKind::BadStatusLine)?;
    check_line_ends(head, parsed.headers, config)?;
    let shared = block.copy(head);
    let mut framing = Framing::default();
    let mut response = Response::new(());
    let map = response.headers_mut();
    let folds = config.leniency.obsolete_line_folding;
    collect(map, head, &shared, parsed.headers, folds, |role, value| {
        match role {
            Role::Connection => framing.connection(value),
            Role::ContentLength => framing.content_length(value, &config.leniency)?,
            Role::TransferEncoding => framing.transfer_encoding(value)?,
            Role::None | Role::Expect | Role::Host | Role::Upgrade => {}
        }
        Ok(())
    })?;
    if framing.content_length.is_some() && framing.coding != Coding::None {
        // Refused later unless a leniency lets the coding win; then nobody downstream may see the length.
        response.headers_mut().remove(http::header::CONTENT_LENGTH);
    }
    *response.status_mut() = status;
    *response.version_mut() = version(parsed.version == Some(1));
    Ok(ResponseHead { response, framing })
}
