//! Header blocks, and regular fields at their ends, that came before byte for byte on the same connection.
//!
//! Once a client's fields are in the table, its blocks are made of the same indices over and over. As long as
//! the table has not changed since, such a block means the same head, of which a clone is handed out. Where only
//! the pseudo-header fields differ, those are decoded, and the map of the other fields is a clone.

use barewire_hpack::integer;
use http::HeaderMap;

use crate::message::{Facts, Head};
use crate::print::Prints;

/// What came again lately, and what was made of it.
#[derive(Debug)]
pub(crate) struct Repeat<T> {
    /// The table's generation that all of it belongs to.
    generation: u64,
    heads: Vec<Known<T>>,
    /// The head to be replaced next.
    oldest: usize,
    blocks_seen: Prints,
    /// The longest first: one may be the end of another.
    sections: Vec<Section>,
    sections_seen: Prints,
}

#[derive(Debug)]
struct Known<T> {
    block: Vec<u8>,
    head: Head<T>,
}

/// The regular fields of a head.
#[derive(Debug)]
pub(crate) struct Section {
    octets: Vec<u8>,
    pub(crate) map: HeaderMap,
    pub(crate) facts: Facts,
    /// What the fields count towards SETTINGS_MAX_HEADER_LIST_SIZE.
    pub(crate) size: usize,
}

/// So many are kept, of heads and of sections.
const MOST: usize = 4;

/// Longer blocks are not worth the memory.
const LONGEST: usize = 1024;

impl<T> Default for Repeat<T> {
    fn default() -> Self {
        Self {
            generation: 0,
            heads: Vec::new(),
            oldest: 0,
            blocks_seen: Prints::default(),
            sections: Vec::new(),
            sections_seen: Prints::default(),
        }
    }
}

impl<T: Clone> Repeat<T> {
    /// The place of the head that a block means, if that is known.
    #[inline]
    pub(crate) fn find(&self, block: &[u8], generation: u64) -> Option<(usize, Facts)> {
        if generation != self.generation {
            return None;
        }
        let at = self.heads.iter().position(|known| known.block == block)?;
        self.heads.get(at).map(|known| (at, known.head.facts))
    }

    /// The head at a place.
    #[inline]
    pub(crate) fn head(&self, at: usize) -> Option<&T> {
        self.heads.get(at).map(|known| &known.head.head)
    }

    /// The known section that a block ends with, and what is before it: whole representations, none of which
    /// changes the table.
    pub(crate) fn section<'a, 'b>(
        &'a self,
        block: &'b [u8],
        generation: u64,
    ) -> Option<(&'a Section, &'b [u8])> {
        if generation != self.generation {
            return None;
        }
        let (section, line) = self
            .sections
            .iter()
            .find_map(|section| Some((section, block.strip_suffix(section.octets.as_slice())?)))?;
        let mut rest = line;
        while !rest.is_empty() {
            rest = after_constant(rest)?;
        }
        Some((section, line))
    }

    /// Notes what a block was decoded to that left the table as it was.
    pub(crate) fn note(&mut self, block: &[u8], generation: u64, head: &Head<T>) {
        if generation != self.generation {
            self.clear();
            self.generation = generation;
        }
        if block.len() > LONGEST || !self.blocks_seen.come_again(block) {
            return;
        }
        let head = Head { head: head.head.clone(), facts: head.facts };
        let known = Known { block: block.to_vec(), head };
        match self.heads.get_mut(self.oldest) {
            Some(place) => *place = known,
            None => self.heads.push(known),
        }
        self.oldest = self.oldest.wrapping_add(1) % MOST;
    }

    /// Notes the regular fields of such a block, which come after so many pseudo-header fields. `size` tells what
    /// they count from what is before them.
    pub(crate) fn note_section(
        &mut self,
        block: &[u8],
        pseudo: usize,
        map: &HeaderMap,
        facts: &Facts,
        size: impl FnOnce(&[u8]) -> Option<usize>,
    ) {
        let section = (0..pseudo).try_fold(block, |rest, _| after_constant(rest));
        let Some(octets) = section.filter(|octets| !octets.is_empty()) else { return };
        if octets.len() > LONGEST || !self.sections_seen.come_again(octets) {
            return;
        }
        let line = block.get(..block.len().saturating_sub(octets.len())).unwrap_or_default();
        let Some(size) = size(line) else { return };
        if self.sections.len() >= MOST {
            self.sections.clear();
        }
        let section = Section { octets: octets.to_vec(), map: map.clone(), facts: *facts, size };
        self.sections.push(section);
        self.sections.sort_by_key(|section| std::cmp::Reverse(section.octets.len()));
    }

    /// Forgets all, and gives the memory back.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// What follows the first representation of a block, if that is whole and leaves the table as it is: an index, or
/// a literal that is not inserted (RFC 7541, section 6).
fn after_constant(block: &[u8]) -> Option<&[u8]> {
    let (&first, rest) = block.split_first()?;
    match first {
        0x80..0xff => Some(rest),
        0xff => integer::decode(block, 7).ok().map(|(_, rest)| rest),
        0x20..0x80 => None,
        0..0x20 => {
            let (name, rest) = integer::decode(block, 4).ok()?;
            after_string(if name == 0 { after_string(rest)? } else { rest })
        }
    }
}

fn after_string(block: &[u8]) -> Option<&[u8]> {
    let (length, rest) = integer::decode(block, 7).ok()?;
    rest.get(usize::try_from(length).ok()?..)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use barewire_hpack::Decoder;
    use barewire_proto::Protocol;
    use bytes::Bytes;
    use http::Request;

    use crate::connection::{Connection, Role};
    use crate::fields::HeadField;
    use crate::frame::PREFACE;
    use crate::message::{Fields, Rules};
    use crate::server::Server;
    use crate::{BodyLength, Config, Limits, Reason, ServerConnection, ServerEvent, Settings};

    type Seen = Option<(String, BodyLength)>;

    fn seen(request: &Request<()>, length: BodyLength) -> Seen {
        Some((format!("{request:?} {:?}", request.uri()), length))
    }

    /// A connection, and beside it a decoder of which nothing is remembered.
    struct Pair {
        server: ServerConnection,
        decoder: Decoder<HeadField>,
        config: Arc<Config>,
        next: u32,
    }

    impl Pair {
        fn new(config: &Arc<Config>) -> Self {
            let mut server = ServerConnection::new(Arc::clone(config));
            let greeting = [&PREFACE[..], &[0, 0, 0, 4, 0, 0, 0, 0, 0]].concat();
            assert!(server.input().push(Bytes::from(greeting)).is_empty());
            assert!(matches!(server.poll_event(), Ok(Some(ServerEvent::Settings(_)))));
            Self { server, decoder: Decoder::new(4096), config: Arc::clone(config), next: 1 }
        }

        fn is_same(&mut self, block: &[u8]) -> Seen {
            let uncached = self.uncached(block);
            let cached = self.cached(block);
            assert_eq!(cached, uncached, "{}", block.escape_ascii());
            cached
        }

        fn cached(&mut self, block: &[u8]) -> Seen {
            let id = self.next;
            self.next += 2;
            let head = [&[0, 0, block.len() as u8, 1, 5], &id.to_be_bytes()[..]].concat();
            let wire = Bytes::from([&head, block].concat());
            assert!(self.server.input().push(wire).is_empty());
            let event = self.server.poll_event().expect("errors are of streams");
            let Some(ServerEvent::Request(id, request, length)) = event else { return None };
            self.server.reset_stream(id, Reason::CANCEL);
            seen(&request, length)
        }

        fn uncached(&mut self, block: &[u8]) -> Seen {
            let Config { limits, leniency, settings, .. } = &*self.config;
            let rules = Rules { max_fields: limits.max_fields, expected: 0, leniency: *leniency };
            let max = settings.max_header_list_size as usize;
            let mut fields = Fields::default();
            let list = self.decoder.decode(block, max, |field| fields.add(field, &rules));
            if list.expect("blocks are well-formed").is_too_large() {
                return None;
            }
            let head = Server::build(&mut fields).ok()?;
            let length = Connection::<Server>::body_length(true, head.facts.content_length).ok()?;
            seen(&head.head, length)
        }
    }

    /// Inserts one after the other; the last one is index 62.
    fn insertions() -> Vec<u8> {
        let fields: [(&str, &str); 10] = [
            ("x-custom", "1"),
            ("x-long", "12345678901234567890"),
            ("cookie", "a=b"),
            ("cookie", "c=d"),
            ("te", "trailers"),
            ("content-length", "5"),
            ("content-length", "0"),
            ("priority", "u=1"),
            ("connection", "close"),
            ("host", "a"),
        ];
        let mut block = b"\x82\x84\x86\x41\x01a".to_vec();
        for (name, value) in fields {
            block.extend([&[0x40, name.len() as u8], name.as_bytes()].concat());
            block.extend([&[value.len() as u8], value.as_bytes()].concat());
        }
        block
    }

    const LINES: [&[u8]; 12] = [
        b"\x82\x84\x86\xc8",
        b"\x82\x84\x87\xc8",
        b"\x82\x04\x02/x\x86\xc8",
        b"\x82\x04\x02/y\x86\xc8",
        b"\x02\x04HEAD\x84\x86\xc8",
        b"\x02\x07OPTIONS\x04\x01*\x86\xc8",
        b"\x82\x84\x86",
        b"\x82\x84\x84\x86\xc8",
        b"\x82\x04\x01x\x86\xc8",
        b"\x02\x07CONNECT\x01\x03a:1",
        b"\x82\x04\x1a/long-enough-for-the-limit\x86\xc8",
        b"",
    ];

    const SECTIONS: [&[u8]; 14] = [
        b"",
        b"\xc7",
        b"\xc6\xc7",
        b"\xc5\xc4\xc7",
        b"\xc5\xc5\xc5\xc4\xc7",
        b"\xc3\xc7",
        b"\xc2\xc7",
        b"\xc1\xc7",
        b"\xc0\xc7",
        b"\xbf\xc7",
        b"\xbe\xc7",
        b"\x84\xc7",
        b"\x00\x01x\x01y\xc7",
        b"\x10\x01x\x01y\xc7",
    ];

    /// Changes what the indices stand for.
    const INSERTION: &[u8] = b"\x82\x84\x86\xc8\x40\x01n\x01w";

    fn every_pair(config: &Arc<Config>) -> usize {
        let blocks: Vec<Vec<u8>> = LINES
            .iter()
            .flat_map(|line| SECTIONS.iter().map(move |section| [*line, section].concat()))
            .collect();
        let mut good = 0;
        for remembered in &blocks {
            let mut pair = Pair::new(config);
            pair.is_same(&insertions());
            for _ in 0..3 {
                pair.is_same(remembered);
            }
            for block in &blocks {
                good += usize::from(pair.is_same(block).is_some());
                pair.is_same(remembered);
            }
            pair.is_same(INSERTION);
            for block in &blocks {
                pair.is_same(block);
            }
        }
        good
    }

    fn config(settings: Settings) -> Arc<Config> {
        let any = crate::Rate { burst: u32::MAX, per_second: 0 };
        let limits = Limits { provoked_resets: any, ..Limits::default() };
        Arc::new(Config { settings, limits, ..Config::default() })
    }

    #[test]
    fn what_came_before_never_changes_what_a_block_means() {
        assert!(every_pair(&config(Settings::default())) > 1000);
    }

    #[test]
    fn what_came_before_never_passes_the_limit() {
        let settings = Settings { max_header_list_size: 230, ..Settings::default() };
        assert!(every_pair(&config(settings)) > 1000);
    }

    #[test]
    fn a_section_before_which_the_line_differs_is_found() {
        let mut repeat = super::Repeat::<Request<()>>::default();
        let mut pair = Pair::new(&config(Settings::default()));
        pair.uncached(&insertions());
        let mut decode = |block: &[u8]| {
            let mut fields = Fields::default();
            let rules = Rules { max_fields: 9, expected: 0, leniency: Default::default() };
            let list = pair.decoder.decode(block, 4096, |field| fields.add(field, &rules)).unwrap();
            (fields.request().unwrap(), list.size)
        };
        for line in [LINES[0], LINES[2]] {
            let block = [line, b"\xc6\xc7"].concat();
            let (head, size) = decode(&block);
            repeat.note(&block, 1, &head);
            repeat.note_section(&block, 4, head.head.headers(), &head.facts, |found| {
                assert_eq!(found, line);
                Some(size - decode(line).1)
            });
        }
        let block = [LINES[3], b"\xc6\xc7"].concat();
        let (section, line) = repeat.section(&block, 1).expect("it came twice");
        assert_eq!((line, section.map.len()), (LINES[3], 2));
        // x-long and x-custom.
        assert_eq!(section.size, 6 + 20 + 32 + 8 + 1 + 32);
        assert!(repeat.section(&block, 2).is_none());
        assert!(repeat.section(b"\x40\x01a\x01b\xc6\xc7", 1).is_none());
        assert!(repeat.section(b"\x04\x03\xc6\xc7", 1).is_none());
        assert!(repeat.find(&[LINES[0], b"\xc6\xc7"].concat(), 1).is_none());
    }
}
