//! What RFC 9113 and RFC 7541 demand of a server, as far as a client can see it.
//!
//! A file for each section; each test sends frames that were put together by hand to a running server, on each
//! runtime: `section_6_1::on_smol::data_belongs_to_a_stream`. Where the RFC leaves a server the choice, what it
//! allows is accepted and nothing more. What holds for every frame that a server sends is looked at in each of the
//! tests (`watch.rs`).
//!
//! With `BAREWIRE_CONFORMANCE_TARGET=host:port` the same tests meet any server. It has to answer `GET /` and
//! `GET /large` (some hundred KiB) with 200 and to send the body of `POST /echo` back, as
//! `nghttpd --no-tls --echo-upload -d DIRECTORY PORT` does with such files in the directory.
//!
//! What nghttpd 1.52 is found to do otherwise, each looked at:
//!
//! | tests | nghttpd | why it stays a test |
//! |---|---|---|
//! | `s4_2_continuation_above_the_limit_ends_the_connection` | takes the frame | 4.2 demands a connection error |
//! | `numbers_grow`, `a_left_out_number_is_closed` | ignores the frame | 5.1.1 demands an error |
//! | `s5_1_2_streams_above_the_limit_are_refused` | ends the connection | 5.1.2 demands a stream error; others go on |
//! | `s5_3_2_priority_fields_of_headers_are_ignored` | refuses a stream that depends on itself | a rule of RFC 7540 |
//! | `s6_9_1_an_empty_frame_needs_no_window` | holds the empty frame back | 6.9.1 allows to send it |
//! | `s6_9_1_who_sends_more_than_the_connection_allows_is_cut` | takes the body as fast as it comes | its window never ends |
//! | `s6_9_2_settings_that_make_a_window_too_large_end_the_connection` | resets the stream | 6.9.2 demands a connection error |
//! | `s8_3_1_authority_*`, `s8_3_1_host_says_the_same_as_authority` | answers | it does not look at the authority |
//! | `s8_5_connect_*` | takes any authority; never answers CONNECT with a body | it is no proxy |
//! | `floods` | other codes, no GOAWAY, or no limit | section 10.5 leaves limits to each |

mod client;
mod floods;
mod harness;
mod hpack;
mod section_3;
mod section_4;
mod section_5_1;
mod section_5_1_1;
mod section_5_2;
mod section_5_4;
mod section_6_1;
mod section_6_2;
mod section_6_4;
mod section_6_5;
mod section_6_7;
mod section_6_9;
mod section_8_1;
mod section_8_2;
mod section_8_3;
mod watch;
mod wire;
