//! What both roles share: the frames that come in, and what each means for the connection.

mod blocks;
mod control;
mod ending;
mod poll;
mod receive;
mod send;

use std::collections::VecDeque;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Instant;

use barewire_hpack::{Decoder, Encoder};
use barewire_proto::{Buf, Input, Output};
use bytes::Bytes;
use http::{HeaderMap, Request};

use crate::answers::Answers;
use crate::budget::{Budgets, Cost};
use crate::event::Common;
use crate::fields::HeadField;
use crate::flow::Receiving;
use crate::frame::{self, Frame, HEAD, PREFACE, SettingsFrame};
use crate::message::{Facts, Fields, Head};
use crate::repeat::Repeat;
use crate::scheduler::Scheduler;
use crate::settings::{self, DEFAULT_TABLE, DEFAULT_WINDOW, PeerSettings};
use crate::streams::{Key, Streams};
use crate::timer::Clock;
use crate::{BodyLength, Config, Error, ErrorKind, Priority, StreamId};

/// What differs between client and server.
pub(crate) trait Role: Sized + Debug {
    type Head: Clone + Debug;
    type Event;
    const SERVER: bool;

    fn event(common: Common) -> Option<Self::Event>;

    /// Makes a head of what a header block says.
    fn build(fields: &mut Fields) -> Result<Head<Self::Head>, ErrorKind>;

    fn headers(head: &Self::Head) -> &HeaderMap;

    /// A head came: for a stream that it opens, or for one that is there.
    fn head(
        connection: &mut Connection<Self>,
        id: StreamId,
        key: Option<Key>,
        end: bool,
        facts: &Facts,
    ) -> Result<Tell, Error>;

    /// The event of a head. It is made last and in its place: a head is large, and moving it costs.
    fn announce(id: StreamId, head: impl FnOnce() -> Self::Head, tell: Tell)
    -> Option<Self::Event>;

    /// A promise came, and was found good.
    fn promise(id: StreamId, promised: StreamId, request: Request<()>) -> Option<Self::Event>;
}

/// What the application is told of a head.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tell {
    Nothing,
    Informational,
    Head(BodyLength),
}

/// What the peer has to say first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Preface,
    Settings,
    Open,
}

/// The GOAWAY that was sent last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Nothing,
    /// That it will come to an end (RFC 9113, section 6.8): streams are still taken.
    Soon,
    /// The last stream that is taken.
    Last(StreamId),
}

/// A header block of which CONTINUATION is still to come.
#[derive(Debug)]
struct Block {
    id: StreamId,
    end_stream: bool,
    promised: Option<StreamId>,
    bytes: Vec<u8>,
    continuations: u32,
}

/// A PING that was sent.
#[derive(Clone, Copy, Debug)]
struct Asked {
    number: u64,
    at: Option<Instant>,
    why: Why,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    Caller,
    Drain,
    Keepalive,
}

/// What a frame led to.
enum Next {
    Data(StreamId, Bytes),
    /// The event that is in `first`.
    First,
    /// The head at this place of `repeat`.
    Repeated(usize, StreamId, Tell),
    /// Go on with the next frame.
    More,
    /// Bytes are missing.
    Wait,
}

pub(crate) struct Connection<R: Role> {
    pub(crate) config: Arc<Config>,
    pub(crate) input: Input,
    pub(crate) output: Output,
    pub(crate) streams: Streams,
    pub(crate) encoder: Encoder,
    pub(crate) answers: Answers,
    pub(crate) peer: PeerSettings,
    pub(crate) said: Said,
    /// What the peer's GOAWAY said to be the last stream.
    pub(crate) peer_last: Option<StreamId>,
    /// The highest number that the peer opened a stream with.
    pub(crate) last_remote: StreamId,
    /// The peer left out numbers when it opened streams.
    pub(crate) passed_over: bool,
    /// The number of our next stream.
    pub(crate) next_local: u32,
    pub(crate) active_remote: u32,
    pub(crate) active_local: u32,
    pub(crate) rtt: Option<std::time::Duration>,
    pub(crate) ended: bool,
    pub(crate) early: Vec<(StreamId, Priority)>,
    decoder: Decoder<HeadField>,
    repeat: Repeat<R::Head>,
    scheduler: Scheduler,
    phase: Phase,
    max_frame: u32,
    block: Option<Box<Block>>,
    events: VecDeque<Common>,
    /// An event that is not a common one, and comes first.
    pub(crate) first: Option<R::Event>,
    /// SETTINGS that were not acknowledged yet.
    unacknowledged: bool,
    /// The window that streams are opened with.
    receive_window: u32,
    send_window: i32,
    /// What that would be if nothing had been sent since stalls were looked for.
    stall_mark: i64,
    receiving: Receiving,
    /// Streams with data that could not be sent yet.
    waiting: usize,
    /// Streams reset by this side, the newest last.
    resets: VecDeque<StreamId>,
    budgets: Budgets,
    pings: Vec<Asked>,
    next_ping: u64,
    expected_fields: usize,
    /// Frames so far, and what it was when `Head` and `Keepalive` were armed.
    frames: u64,
    head_mark: u64,
    keepalive_mark: u64,
    /// Bytes of input that were looked at in vain.
    seen: usize,
    /// The time for the end of something is over: that is in what was read by now, or it is late.
    overdue: bool,
    linger: bool,
    dead: bool,
    error: Option<Error>,
    clock: Clock,
}

impl<R: Role> Debug for Connection<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("phase", &self.phase)
            .field("streams", &self.streams.len())
            .field("said", &self.said)
            .field("ended", &self.ended)
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}

/// Bytes of output above `Limits::write_buffer` that heads and control frames may take.
const CONTROL_ROOM: usize = 256 * 1024;

impl<R: Role> Connection<R> {
    pub(crate) fn new(config: Arc<Config>) -> Self {
        let limits = &config.limits;
        let max_frame = settings::max_frame_size(&config.settings);
        let least = (max_frame as usize).saturating_add(HEAD);
        let mut connection = Self {
            input: Input::new(limits.read_buffer.max(least)),
            output: Output::new(limits.write_buffer),
            streams: Streams::default(),
            encoder: Encoder::new(config.header_compression.clone()),
            answers: Answers::default(),
            peer: PeerSettings::default(),
            said: Said::Nothing,
            peer_last: None,
            last_remote: StreamId::CONNECTION,
            passed_over: false,
            next_local: if R::SERVER { 2 } else { 1 },
            active_remote: 0,
            active_local: 0,
            rtt: None,
            ended: false,
            early: Vec::new(),
            decoder: Decoder::new(DEFAULT_TABLE),
            repeat: Repeat::default(),
            scheduler: Scheduler::default(),
            phase: if R::SERVER { Phase::Preface } else { Phase::Settings },
            max_frame,
            block: None,
            events: VecDeque::new(),
            first: None,
            unacknowledged: true,
            receive_window: DEFAULT_WINDOW,
            send_window: DEFAULT_WINDOW as i32,
            stall_mark: i64::from(DEFAULT_WINDOW),
            receiving: Receiving::new(DEFAULT_WINDOW),
            waiting: 0,
            resets: VecDeque::new(),
            budgets: Budgets::default(),
            pings: Vec::new(),
            next_ping: 1,
            expected_fields: 0,
            frames: 0,
            head_mark: 0,
            keepalive_mark: 0,
            seen: 0,
            overdue: false,
            linger: false,
            dead: false,
            error: None,
            clock: Clock::default(),
            config,
        };
        connection.greet();
        connection
    }

    /// What each side says first (RFC 9113, section 3.4), and the connection's window.
    fn greet(&mut self) {
        if !R::SERVER {
            self.output.put(PREFACE);
        }
        let config = Arc::clone(&self.config);
        let frame = settings::announce(&config.settings, R::SERVER);
        self.put(&Frame::Settings(frame));
        let wider = config.settings.connection_window.min(frame::MAX_WINDOW);
        if let Some(more) = wider.checked_sub(DEFAULT_WINDOW).filter(|more| *more > 0) {
            self.receiving = Receiving::new(wider);
            self.put(&Frame::WindowUpdate { stream: StreamId::CONNECTION, increment: more });
        }
    }

    /// Takes over the peer's settings from an upgrade (RFC 7540, section 3.2.1).
    pub(crate) fn presume(&mut self, frame: &SettingsFrame) -> Result<(), Error> {
        self.apply(frame)
    }

    pub(crate) fn put(&mut self, frame: &Frame<'_>) {
        frame.encode(self.output.tail());
    }

    pub(crate) fn connection_window(&self) -> u32 {
        self.config.settings.connection_window.clamp(DEFAULT_WINDOW, frame::MAX_WINDOW)
    }

    /// Whether `id` is one that this side opens.
    pub(crate) fn is_local(id: StreamId) -> bool {
        id.is_of_client() != R::SERVER
    }

    /// Whether nobody has used a number yet.
    fn is_idle_id(&self, id: StreamId) -> bool {
        match Self::is_local(id) {
            true => id.value() >= self.next_local,
            false => id > self.last_remote,
        }
    }

    /// So much is waiting to be sent that nothing more is handled. Only who goes on asking and does not read
    /// gets here: framing of DATA leaves that much room.
    fn is_choked(&self) -> bool {
        self.output.remaining() >= self.config.limits.write_buffer.saturating_add(CONTROL_ROOM)
    }

    fn spend(&mut self, cost: Cost) -> Result<(), Error> {
        self.budgets.spend(cost, &self.config.limits, self.clock.now())
    }
}
