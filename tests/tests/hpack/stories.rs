//! hpack-test-case: the same stories as 14 encoders have put them on the wire.

use std::path::{Path, PathBuf};
use std::process::Command;

use barewire_hpack::Policy;

use crate::story;

const ARCHIVE: &str = "hpack-test-case.tar.xz";

/// The archive, unpacked for one test.
struct Corpus {
    directory: PathBuf,
}

impl Corpus {
    fn unpack(test: &str) -> Option<Self> {
        let archive = std::env::var_os("BAREWIRE_CORPORA").map(|it| Path::new(&it).join(ARCHIVE));
        let Some(archive) = archive.filter(|archive| archive.exists()) else {
            let required = std::env::var_os("BAREWIRE_REQUIRE_PEERS").is_some_and(|it| it == "1");
            assert!(!required, "there is no {ARCHIVE}: name its directory in BAREWIRE_CORPORA");
            eprintln!("SKIPPED: name the directory that has {ARCHIVE} in BAREWIRE_CORPORA");
            return None;
        };
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("hpack-{test}"));
        std::fs::create_dir_all(&directory).expect("the target directory is writable");
        let status =
            Command::new("tar").arg("-xJf").arg(archive).arg("-C").arg(&directory).status();
        assert!(status.expect("install tar and xz").success(), "{ARCHIVE} cannot be unpacked");
        Some(Self { directory })
    }

    /// The text of every story whose directory is, or is not, `raw-data`.
    fn stories(&self, raw: bool) -> Vec<String> {
        let mut stories = Vec::new();
        let root = self.directory.join("hpack-test-case");
        for encoder in std::fs::read_dir(root).expect("the archive has a directory") {
            let encoder = encoder.expect("a directory can be read").path();
            if !encoder.is_dir() || encoder.ends_with("raw-data") != raw {
                continue;
            }
            for story in std::fs::read_dir(encoder).expect("a directory can be read") {
                let path = story.expect("a directory can be read").path();
                if path.extension().is_some_and(|it| it == "json") {
                    stories.push(std::fs::read_to_string(path).expect("a story is text"));
                }
            }
        }
        stories
    }
}

impl Drop for Corpus {
    fn drop(&mut self) {
        // What cannot be removed is in the target directory, and is written over the next time.
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

#[test]
fn every_wire_story_decodes() {
    let Some(corpus) = Corpus::unpack("wire") else { return };
    let stories = corpus.stories(false);
    assert_eq!(stories.len(), 446);
    let blocks: usize = stories.iter().map(|text| story::check_wire(&story::parse(text))).sum();
    assert!(blocks > stories.len());
}

#[test]
fn every_raw_story_there_and_back() {
    let Some(corpus) = Corpus::unpack("raw") else { return };
    let stories = corpus.stories(true);
    assert!(stories.len() >= 32);
    for text in stories {
        let story = story::parse(&text);
        for max_table_size in [4096, 0, 100, 512] {
            story::check_round_trip(&story, Policy { max_table_size, ..Policy::default() });
        }
        let paths =
            Policy { index_paths: true, never_index_set_cookie: false, ..Policy::default() };
        story::check_round_trip(&story, paths);
    }
}
