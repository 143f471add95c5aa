//! What RFC 9113 and RFC 7541 demand of a server, as far as a client can see it.
//!
//! A file for each section; each test sends frames that were put together by hand to a running server, on each
//! runtime: `section_6_1::on_smol::data_belongs_to_a_stream`. Where the RFC leaves a server the choice, what it
//! allows is accepted and nothing more.
//!
//! With `BAREWIRE_CONFORMANCE_TARGET=host:port` the same tests meet any server. It has to answer `GET /` and
//! `GET /large` (some hundred KiB) with 200 and to send the body of `POST /echo` back, as
//! `nghttpd --no-tls --echo-upload -d DIRECTORY PORT` does with such files in the directory.

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
mod wire;
