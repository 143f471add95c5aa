//! What both sides have announced (RFC 9113, section 6.5), and the form that it has in an upgrade.

use bytes::{Bytes, BytesMut};
use http::HeaderValue;

use crate::config::Settings;
use crate::frame::{MAX_WINDOW, SettingsFrame};
use crate::{Error, ErrorKind};

/// The window of streams and of the connection before anything else was said.
pub(crate) const DEFAULT_WINDOW: u32 = 65_535;

/// The size of the header table before anything else was said.
pub(crate) const DEFAULT_TABLE: u32 = 4096;

/// What the peer announced.
///
/// ```
/// use barewire_h2::{ClientConnection, Config};
///
/// // Until the server has said more, the protocol's defaults hold.
/// let client = ClientConnection::new(Config::default());
/// assert_eq!(client.peer_settings().initial_window_size, 65_535);
/// assert!(!client.peer_settings().enable_connect_protocol);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PeerSettings {
    /// Bytes of the peer's table for our header blocks. Ours may be smaller.
    pub header_table_size: u32,
    /// Whether the peer takes pushed streams.
    pub enable_push: bool,
    /// Streams of ours that it takes at once.
    pub max_concurrent_streams: u32,
    /// Its window for each stream.
    pub initial_window_size: u32,
    /// The payload of a frame that it takes, in bytes.
    pub max_frame_size: u32,
    /// The fields of one head that it takes, in bytes, as advice.
    pub max_header_list_size: u32,
    /// Whether it takes extended CONNECT (RFC 8441).
    pub enable_connect_protocol: bool,
}

impl Default for PeerSettings {
    fn default() -> Self {
        Self {
            header_table_size: DEFAULT_TABLE,
            enable_push: true,
            max_concurrent_streams: u32::MAX,
            initial_window_size: DEFAULT_WINDOW,
            max_frame_size: 16_384,
            max_header_list_size: u32::MAX,
            enable_connect_protocol: false,
        }
    }
}

impl PeerSettings {
    /// Takes over what a frame says. `by_server` is who sent it.
    pub(crate) fn apply(
        &mut self,
        frame: &SettingsFrame,
        by_server: bool,
    ) -> Result<(), ErrorKind> {
        if by_server && frame.enable_push == Some(true) {
            return Err(ErrorKind::BadSetting);
        }
        // It cannot be taken back (RFC 8441, section 3).
        if self.enable_connect_protocol && frame.enable_connect_protocol == Some(false) {
            return Err(ErrorKind::BadSetting);
        }
        let take = |to: &mut u32, from: Option<u32>| *to = from.unwrap_or(*to);
        take(&mut self.header_table_size, frame.header_table_size);
        take(&mut self.max_concurrent_streams, frame.max_concurrent_streams);
        take(&mut self.initial_window_size, frame.initial_window_size);
        take(&mut self.max_frame_size, frame.max_frame_size);
        take(&mut self.max_header_list_size, frame.max_header_list_size);
        self.enable_push = frame.enable_push.unwrap_or(self.enable_push);
        self.enable_connect_protocol |= frame.enable_connect_protocol.unwrap_or_default();
        Ok(())
    }
}

/// The frame that announces our settings: what differs from the protocol's defaults.
pub(crate) fn announce(settings: &Settings, server: bool) -> SettingsFrame {
    let differs = |value: u32, default: u32| (value != default).then_some(value);
    let window = settings.initial_window_size.min(MAX_WINDOW);
    let frame_size = max_frame_size(settings);
    SettingsFrame {
        header_table_size: differs(settings.header_table_size, DEFAULT_TABLE),
        smallest_header_table_size: None,
        enable_push: (!server && !settings.enable_push).then_some(false),
        max_concurrent_streams: (server || settings.enable_push)
            .then_some(settings.max_concurrent_streams),
        initial_window_size: differs(window, DEFAULT_WINDOW),
        max_frame_size: differs(frame_size, 16_384),
        max_header_list_size: Some(settings.max_header_list_size),
        enable_connect_protocol: (server && settings.enable_connect_protocol).then_some(true),
        no_rfc7540_priorities: Some(true),
    }
}

/// The largest payload that we take.
pub(crate) fn max_frame_size(settings: &Settings) -> u32 {
    settings.max_frame_size.clamp(16_384, (1 << 24) - 1)
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The value of `HTTP2-Settings` (RFC 7540, section 3.2.1): base64url without padding.
pub(crate) fn to_base64(settings: &Settings) -> HeaderValue {
    let mut payload = BytesMut::new();
    announce(settings, false).put_payload(&mut payload);
    let mut text = Vec::new();
    for part in payload.chunks(3) {
        let mut bits = [0; 4];
        for (slot, byte) in bits.iter_mut().skip(1).zip(part) {
            *slot = *byte;
        }
        let bits = u32::from_be_bytes(bits);
        for shift in [18, 12, 6, 0].iter().take(part.len().saturating_add(1)) {
            let index = (bits >> shift) & 63;
            text.push(ALPHABET.get(index as usize).copied().unwrap_or_default());
        }
    }
    HeaderValue::from_maybe_shared(Bytes::from(text)).unwrap_or(HeaderValue::from_static(""))
}

/// Reads the value of `HTTP2-Settings`.
pub(crate) fn from_base64(text: &[u8]) -> Result<SettingsFrame, Error> {
    let mut payload = Vec::new();
    for part in text.trim_ascii().chunks(4) {
        let mut bits = 0u32;
        for (byte, shift) in part.iter().zip([18, 12, 6, 0]) {
            let value = ALPHABET.iter().position(|letter| letter == byte);
            bits |= (value.ok_or(ErrorKind::BadSetting)? as u32) << shift;
        }
        let [_, b0, b1, b2] = bits.to_be_bytes();
        let whole = part.len().saturating_mul(6) / 8;
        payload.extend([b0, b1, b2].iter().take(whole));
    }
    Ok(SettingsFrame::parse(&payload)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http2_settings_go_there_and_back() {
        for window in [1, 65_535, 1 << 20] {
            for table in [0, 4096] {
                let settings = Settings {
                    initial_window_size: window,
                    header_table_size: table,
                    ..Settings::default()
                };
                let text = to_base64(&settings);
                assert_eq!(from_base64(text.as_bytes()), Ok(announce(&settings, false)));
            }
        }
        assert_eq!(from_base64(b"AAMAAABkAAQAAP__").unwrap().max_concurrent_streams, Some(100));
        assert!(from_base64(b"AAM=").is_err());
    }
}
