//! The served directory, and the only way to a file in it.

use std::ffi::OsStr;
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::validators::Stat;

/// A directory, held open: whatever happens to its name, nothing outside of it can be opened through it.
#[derive(Debug)]
pub(crate) struct Root {
    dir: OwnedFd,
    /// Where it is without symbolic links, to understand links that name it in full.
    canonical: PathBuf,
}

/// What a name stands for.
#[derive(Debug)]
pub(crate) enum Found {
    /// A regular file, open for reading.
    File(File, Stat),
    /// A directory, open for listing.
    Directory(OwnedFd),
}

/// Why nothing could be opened.
#[derive(Debug)]
pub(crate) enum OpenError {
    /// There is nothing, it is outside, or it is neither file nor directory.
    NotFound,
    /// This process may not read it.
    Forbidden,
    /// The system failed.
    Io(io::Error),
}

/// Why a directory cannot be served.
#[derive(Debug)]
pub(crate) struct RootError {
    path: PathBuf,
    source: io::Error,
}

/// An entry of a directory, for its listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: Vec<u8>,
    pub(crate) is_directory: bool,
}

/// Never waits, not even for a pipe's other end, and never becomes this process's terminal.
const READ: OFlags =
    OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

/// A directory on the way to something else, which need not be readable.
#[cfg(target_os = "linux")]
const PASS: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
#[cfg(not(target_os = "linux"))]
const PASS: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

impl Root {
    pub(crate) fn open(path: &Path) -> Result<Self, RootError> {
        let failed = |source| RootError { path: path.to_owned(), source };
        let dir = rustix::fs::openat(CWD, path, PASS, Mode::empty());
        let dir = dir.map_err(|error| failed(error.into()))?;
        let canonical = fs::canonicalize(path).map_err(failed)?;
        Ok(Self { dir, canonical })
    }

    /// Opens what `name`, a relative path, stands for. Symbolic links are followed as long as they stay
    /// within the directory, and there is no moment at which one that is just being changed leads out.
    pub(crate) fn get(&self, name: &Path) -> Result<Found, OpenError> {
        let fd = match self.open_beneath(name) {
            // A link that names its destination in full may yet lead here. Other errors: a kernel before
            // 5.6, a sandbox that does not know the call, a rename that got in between.
            Err(Errno::XDEV | Errno::NOSYS | Errno::PERM | Errno::AGAIN) => {
                self.open_step_by_step(name)?
            }
            opened => opened?,
        };
        let file = File::from(fd);
        let metadata = file.metadata().map_err(OpenError::Io)?;
        if metadata.is_dir() {
            return Ok(Found::Directory(file.into()));
        }
        if !metadata.is_file() {
            return Err(OpenError::NotFound);
        }
        let time = |seconds, nanoseconds: i64| (seconds, nanoseconds.try_into().unwrap_or(0));
        let stat = Stat {
            len: metadata.len(),
            modified: time(metadata.mtime(), metadata.mtime_nsec()),
            changed: time(metadata.ctime(), metadata.ctime_nsec()),
        };
        Ok(Found::File(file, stat))
    }

    #[cfg(target_os = "linux")]
    fn open_beneath(&self, name: &Path) -> Result<OwnedFd, Errno> {
        use rustix::fs::ResolveFlags;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        rustix::fs::openat2(&self.dir, name, READ, Mode::empty(), resolve)
    }

    #[cfg(not(target_os = "linux"))]
    fn open_beneath(&self, _: &Path) -> Result<OwnedFd, Errno> {
        Err(Errno::NOSYS)
    }

    /// Resolves all links first, and then walks down without following any.
    fn open_step_by_step(&self, name: &Path) -> Result<OwnedFd, OpenError> {
        // Why this fails might tell what there is outside, so nobody is told.
        let resolved =
            fs::canonicalize(self.canonical.join(name)).map_err(|_| OpenError::NotFound)?;
        let inside = resolved.strip_prefix(&self.canonical).map_err(|_| OpenError::NotFound)?;
        let mut parts = inside.components().peekable();
        let mut step: Option<OwnedFd> = None;
        while let Some(part) = parts.next() {
            let Component::Normal(part) = part else { return Err(OpenError::NotFound) };
            let flags = if parts.peek().is_some() { PASS } else { READ };
            let from = step.as_ref().map_or(self.dir.as_fd(), AsFd::as_fd);
            step = Some(rustix::fs::openat(from, part, flags | OFlags::NOFOLLOW, Mode::empty())?);
        }
        match step {
            Some(fd) => Ok(fd),
            None => Ok(rustix::fs::openat(&self.dir, ".", READ, Mode::empty())?),
        }
    }

    /// What a directory contains, `name` being its own: what could not be served is left out.
    pub(crate) fn list(&self, dir: BorrowedFd<'_>, name: &Path) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in rustix::fs::Dir::read_from(dir)? {
            let entry = entry?;
            let entry_name = entry.file_name().to_bytes();
            if entry_name == b"." || entry_name == b".." {
                continue;
            }
            let is_directory = match entry.file_type() {
                FileType::Directory => true,
                FileType::RegularFile => false,
                FileType::Symlink | FileType::Unknown => {
                    match self.get(&name.join(OsStr::from_bytes(entry_name))) {
                        Ok(found) => matches!(found, Found::Directory(_)),
                        Err(_) => continue,
                    }
                }
                _ => continue,
            };
            entries.push(Entry { name: entry_name.to_vec(), is_directory });
        }
        Ok(entries)
    }
}

impl From<Errno> for OpenError {
    fn from(error: Errno) -> Self {
        match error {
            // A socket, or a device that nothing is behind of, cannot be opened: NXIO, NODEV.
            Errno::NOENT
            | Errno::NOTDIR
            | Errno::LOOP
            | Errno::NAMETOOLONG
            | Errno::XDEV
            | Errno::NXIO
            | Errno::NODEV => Self::NotFound,
            Errno::ACCESS | Errno::PERM => Self::Forbidden,
            error => Self::Io(error.into()),
        }
    }
}

impl fmt::Display for RootError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match self.source.kind() {
            io::ErrorKind::NotFound => {
                write!(f, "cannot serve {path}: there is no such directory: check its spelling")
            }
            io::ErrorKind::NotADirectory => {
                write!(f, "cannot serve {path}: it is not a directory: name the one it lies in")
            }
            io::ErrorKind::PermissionDenied => {
                write!(f, "cannot serve {path}: this user may not read it: change its permissions")
            }
            _ => write!(f, "cannot serve {path}: {}", self.source),
        }
    }
}

impl std::error::Error for RootError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use std::io::Read;
    use std::os::unix::fs::symlink;

    fn site() -> (Scratch, Root) {
        let scratch = Scratch::new();
        scratch.write("outside.txt", "outside");
        scratch.write("site/a.txt", "a");
        scratch.write("site/sub/b.txt", "b");
        let site = scratch.path().join("site");
        for (link, target) in [
            ("in", "a.txt"),
            ("in-by-parent", "sub/../a.txt"),
            ("sub-in", "sub"),
            ("out", "../outside.txt"),
            ("broken", "missing"),
            ("loop", "loop"),
            ("root", "/"),
        ] {
            symlink(target, site.join(link)).unwrap();
        }
        symlink(site.join("sub/b.txt"), site.join("in-by-full-name")).unwrap();
        symlink(&site, site.join("itself")).unwrap();
        symlink(scratch.path().join("outside.txt"), site.join("out-by-full-name")).unwrap();
        let root = Root::open(&site).unwrap();
        (scratch, root)
    }

    fn content(found: Result<Found, OpenError>) -> String {
        let mut content = String::new();
        match found {
            Ok(Found::File(mut file, stat)) => {
                file.read_to_string(&mut content).unwrap();
                assert_eq!(stat.len, content.len() as u64);
            }
            Ok(Found::Directory(_)) => content.push('/'),
            Err(OpenError::NotFound) => content.push('-'),
            Err(error) => panic!("{error:?}"),
        }
        content
    }

    const NAMES: [(&str, &str); 18] = [
        (".", "/"),
        ("a.txt", "a"),
        ("sub", "/"),
        ("sub/b.txt", "b"),
        ("in", "a"),
        ("in-by-parent", "a"),
        ("in-by-full-name", "b"),
        ("sub-in/b.txt", "b"),
        ("itself", "/"),
        ("itself/sub/b.txt", "b"),
        ("out", "-"),
        ("out-by-full-name", "-"),
        ("root/etc/passwd", "-"),
        ("broken", "-"),
        ("loop", "-"),
        ("missing", "-"),
        ("a.txt/b", "-"),
        ("../outside.txt", "-"),
    ];

    #[test]
    fn links_are_followed_only_within() {
        let (_scratch, root) = site();
        for (name, wanted) in NAMES {
            assert_eq!(content(root.get(name.as_ref())), wanted, "{name}");
        }
    }

    #[test]
    fn step_by_step_comes_to_the_same() {
        let (_scratch, root) = site();
        for (name, wanted) in NAMES {
            let opened = root.open_step_by_step(name.as_ref());
            let is_there = opened.is_ok();
            assert_eq!(is_there, wanted != "-", "{name}: {opened:?}");
        }
    }

    #[test]
    fn the_directory_may_be_renamed_and_replaced() {
        let (scratch, root) = site();
        let site = scratch.path().join("site");
        fs::rename(&site, scratch.path().join("elsewhere")).unwrap();
        symlink("/", &site).unwrap();
        assert_eq!(content(root.get("sub/b.txt".as_ref())), "b");
        assert_eq!(content(root.get("in-by-full-name".as_ref())), "-");
    }

    #[test]
    fn pipes_and_devices_are_not_there_and_do_not_hang() {
        let (scratch, root) = site();
        let fifo = scratch.path().join("site/fifo");
        rustix::fs::mkfifoat(CWD, &fifo, Mode::RUSR | Mode::WUSR).unwrap();
        let _socket =
            std::os::unix::net::UnixListener::bind(scratch.path().join("site/socket")).unwrap();
        for name in ["fifo", "socket"] {
            assert_eq!(content(root.get(name.as_ref())), "-", "{name}");
        }
        let devices = Root::open("/dev".as_ref()).unwrap();
        for name in ["null", "zero"] {
            assert_eq!(content(devices.get(name.as_ref())), "-", "{name}");
        }
    }

    #[test]
    fn listings_leave_out_what_cannot_be_served() {
        let (scratch, root) = site();
        rustix::fs::mkfifoat(CWD, scratch.path().join("site/fifo"), Mode::RUSR).unwrap();
        let Ok(Found::Directory(dir)) = root.get(".".as_ref()) else { panic!("it is there") };
        let mut entries = root.list(dir.as_fd(), ".".as_ref()).unwrap();
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        let shown: Vec<_> = entries
            .iter()
            .map(|entry| format!("{} {}", entry.name.escape_ascii(), entry.is_directory))
            .collect();
        let wanted = [
            "a.txt false",
            "in false",
            "in-by-full-name false",
            "in-by-parent false",
            "itself true",
            "sub true",
            "sub-in true",
        ];
        assert_eq!(shown, wanted);
    }

    #[test]
    fn roots_that_cannot_be_served() {
        let scratch = Scratch::new();
        let file = scratch.write("file", "");
        let error = Root::open(&file).unwrap_err().to_string();
        assert!(error.contains("not a directory"), "{error}");
        let error = Root::open(&scratch.path().join("missing")).unwrap_err().to_string();
        assert!(error.contains("no such directory"), "{error}");
    }
}
