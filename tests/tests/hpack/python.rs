//! Python's hpack: it decodes what we encode, and encodes what we decode.

use std::io::Write;
use std::process::Stdio;

use barewire_tests::process::peer;

use crate::story::{self, Fields};

/// What browsers and servers say, over and over with differences.
fn lists() -> Vec<Fields> {
    let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let lists = (0..64).map(|nth| {
        let mut fields = vec![
            field(":method", ["GET", "POST", "PUT"][nth % 3]),
            field(":scheme", "https"),
            field(":authority", "www.example.com"),
            field(":path", &format!("/items/{nth}")),
            field("user-agent", "Mozilla/5.0 (X11; Linux x86_64)"),
            field("accept-encoding", "gzip, deflate"),
            field("cookie", &"c=1; ".repeat(nth % 7)),
            field("authorization", "Basic YTpi"),
            field("x-empty", ""),
            field("x-text", "\u{e9}\u{4e16}\u{754c} ~~~ \u{7f}"),
        ];
        fields.push(field(&format!("x-{}", nth % 40), &"v".repeat(nth * 20)));
        fields.rotate_left(nth % 2);
        fields
    });
    lists.collect()
}

/// What the script makes of a story.
fn ask(verb: &str, story: &str) -> Option<String> {
    let mut command = peer::python("hpack_peer.py", &["hpack"])?;
    command.arg(verb).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("the interpreter starts");
    let mut stdin = child.stdin.take().expect("it was asked for");
    stdin.write_all(story.as_bytes()).expect("the script reads");
    drop(stdin);
    let output = child.wait_with_output().expect("the script ends");
    assert!(output.status.success(), "the script says what is wrong");
    Some(String::from_utf8(output.stdout).expect("it writes text"))
}

#[test]
fn it_decodes_what_we_encode() {
    ask("decode", &story::encoded(&lists()));
}

#[test]
fn we_decode_what_it_encodes() {
    let ours = story::encoded(&lists());
    let Some(theirs) = ask("encode", &ours) else { return };
    let story = story::parse(&theirs);
    assert_eq!(story.iter().map(|case| case.fields.clone()).collect::<Vec<_>>(), lists());
    story::check_wire(&story);
}
