use bytes::{BufMut, BytesMut};

use super::MAX_WINDOW;
use super::head::{FrameHead, Kind, StreamId};
use crate::ErrorKind;

/// What one SETTINGS frame says (RFC 9113, section 6.5.2); `None` is what it does not mention.
///
/// When it mentions something twice, the last one counts, but for the size of the header table. Settings that are not
/// known are left out.
///
/// ```
/// use barewire_h2::frame::{self, Frame, SettingsFrame};
/// use barewire_proto::Status;
///
/// let settings = SettingsFrame { initial_window_size: Some(1 << 20), ..SettingsFrame::default() };
/// let mut wire = bytes::BytesMut::new();
/// Frame::Settings(settings).encode(&mut wire);
/// assert_eq!(wire[9..], [0, 4, 0, 0x10, 0, 0]);
/// let Status::Complete(frame, _) = frame::decode(&wire, 16_384)? else { panic!("it is whole") };
/// assert_eq!(frame, Frame::Settings(settings));
/// # Ok::<(), barewire_h2::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SettingsFrame {
    /// SETTINGS_HEADER_TABLE_SIZE.
    pub header_table_size: Option<u32>,
    /// The smallest SETTINGS_HEADER_TABLE_SIZE, if it came before a larger one: the table was as small in between,
    /// which the next header block has to say (RFC 7541, section 4.2).
    pub smallest_header_table_size: Option<u32>,
    /// SETTINGS_ENABLE_PUSH.
    pub enable_push: Option<bool>,
    /// SETTINGS_MAX_CONCURRENT_STREAMS.
    pub max_concurrent_streams: Option<u32>,
    /// SETTINGS_INITIAL_WINDOW_SIZE.
    pub initial_window_size: Option<u32>,
    /// SETTINGS_MAX_FRAME_SIZE.
    pub max_frame_size: Option<u32>,
    /// SETTINGS_MAX_HEADER_LIST_SIZE.
    pub max_header_list_size: Option<u32>,
    /// SETTINGS_ENABLE_CONNECT_PROTOCOL (RFC 8441, section 3).
    pub enable_connect_protocol: Option<bool>,
    /// SETTINGS_NO_RFC7540_PRIORITIES (RFC 9218, section 2.1).
    pub no_rfc7540_priorities: Option<bool>,
}

impl SettingsFrame {
    /// Reads a payload.
    pub(crate) fn parse(payload: &[u8]) -> Result<Self, ErrorKind> {
        let mut parts = payload.chunks_exact(6);
        let mut settings = Self::default();
        for part in &mut parts {
            let &[i0, i1, v0, v1, v2, v3] = part else { return Err(ErrorKind::FrameSize) };
            settings.set(u16::from_be_bytes([i0, i1]), u32::from_be_bytes([v0, v1, v2, v3]))?;
        }
        if parts.remainder().is_empty() { Ok(settings) } else { Err(ErrorKind::FrameSize) }
    }

    fn set(&mut self, id: u16, value: u32) -> Result<(), ErrorKind> {
        let flag = || match value {
            0 => Ok(Some(false)),
            1 => Ok(Some(true)),
            _ => Err(ErrorKind::BadSetting),
        };
        match id {
            1 => {
                let before = self.smallest_header_table_size.or(self.header_table_size);
                let smallest = before.min(self.header_table_size);
                self.smallest_header_table_size = smallest.filter(|smallest| *smallest < value);
                self.header_table_size = Some(value);
            }
            2 => self.enable_push = flag()?,
            3 => self.max_concurrent_streams = Some(value),
            4 if value > MAX_WINDOW => return Err(ErrorKind::BadInitialWindow),
            4 => self.initial_window_size = Some(value),
            5 if !(16_384..1 << 24).contains(&value) => return Err(ErrorKind::BadSetting),
            5 => self.max_frame_size = Some(value),
            6 => self.max_header_list_size = Some(value),
            8 => self.enable_connect_protocol = flag()?,
            9 => self.no_rfc7540_priorities = flag()?,
            _ => {}
        }
        Ok(())
    }

    fn entries(&self) -> [(u16, Option<u32>); 9] {
        [
            (1, self.smallest_header_table_size),
            (1, self.header_table_size),
            (2, self.enable_push.map(u32::from)),
            (3, self.max_concurrent_streams),
            (4, self.initial_window_size),
            (5, self.max_frame_size),
            (6, self.max_header_list_size),
            (8, self.enable_connect_protocol.map(u32::from)),
            (9, self.no_rfc7540_priorities.map(u32::from)),
        ]
    }

    /// Appends the payload alone, as `HTTP2-Settings` carries it.
    pub(crate) fn put_payload(&self, dst: &mut BytesMut) {
        for (id, value) in self.entries() {
            if let Some(value) = value {
                dst.put_u16(id);
                dst.put_u32(value);
            }
        }
    }

    pub(crate) fn encode(&self, dst: &mut BytesMut) {
        let count = self.entries().iter().filter(|(_, value)| value.is_some()).count();
        let length = (count as u32).saturating_mul(6);
        let stream = StreamId::CONNECTION;
        FrameHead { length, kind: Kind::Settings, flags: 0, stream }.put(dst);
        self.put_payload(dst);
    }
}
