//! Where a body goes.

use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write, stdout};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

/// Where a body goes: standard output, or a file.
///
/// A file is written under a name of its own beside the one that was asked for, and takes its place when it
/// is complete. So there is never half a body under that name, and what was there before stays until then.
/// When it does not come to that, the part is removed. What is not a regular file, such as `/dev/null` or a
/// named pipe, is written to as it is.
#[derive(Debug)]
pub(crate) struct Output {
    file: File,
    target: Target,
}

#[derive(Debug)]
enum Target {
    Stdout,
    Special(PathBuf),
    Regular { path: PathBuf, part: Option<PathBuf> },
}

/// A body could not be written.
#[derive(Debug)]
pub(crate) enum OutputError {
    /// The file cannot be made.
    Open { path: PathBuf, source: io::Error },
    /// Standard output takes nothing more.
    Stdout(io::Error),
    /// The file takes nothing more.
    Write { path: PathBuf, source: io::Error, part_removed: bool },
}

impl Output {
    /// Standard output, without a buffer: what has come is seen at once.
    pub(crate) fn stdout() -> Result<Self, OutputError> {
        let fd = stdout().as_fd().try_clone_to_owned().map_err(OutputError::Stdout)?;
        Ok(Self { file: fd.into(), target: Target::Stdout })
    }

    pub(crate) fn file(path: &Path) -> Result<Self, OutputError> {
        Self::open(path).map_err(|source| OutputError::Open { path: path.to_owned(), source })
    }

    fn open(path: &Path) -> io::Result<Self> {
        // A link's destination is replaced, not the link.
        let path = match fs::canonicalize(path) {
            Ok(path) => path,
            Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
            Err(error) => return Err(error),
        };
        let there = match fs::metadata(&path) {
            Ok(there) => Some(there),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        if there.as_ref().is_some_and(fs::Metadata::is_dir) {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        if there.as_ref().is_some_and(|there| !there.is_file()) {
            let file = File::options().write(true).open(&path)?;
            return Ok(Self { file, target: Target::Special(path) });
        }
        let Some(name) = path.file_name() else {
            return Err(io::ErrorKind::InvalidFilename.into());
        };
        let mut part_name = OsString::from(".");
        part_name.push(name);
        part_name.push(format!(".{}.part", std::process::id()));
        let part = path.with_file_name(part_name);
        let file = File::options().write(true).create_new(true).open(&part)?;
        let output = Self { file, target: Target::Regular { path, part: Some(part) } };
        if let Some(there) = there {
            output.file.set_permissions(there.permissions())?;
        }
        Ok(output)
    }

    /// The file that is not complete yet, which whoever ends the process early has to remove.
    pub(crate) fn part(&self) -> Option<&Path> {
        match &self.target {
            Target::Regular { part, .. } => part.as_deref(),
            Target::Stdout | Target::Special(_) => None,
        }
    }

    pub(crate) fn write(&mut self, data: &[u8]) -> Result<(), OutputError> {
        self.file.write_all(data).map_err(|error| self.failed(error))
    }

    /// All has been written.
    pub(crate) fn complete(mut self) -> Result<(), OutputError> {
        if let Target::Regular { path, part } = &mut self.target
            && let Some(from) = part
        {
            if let Err(error) = fs::rename(from, path) {
                return Err(self.failed(error));
            }
            *part = None;
        }
        Ok(())
    }

    fn failed(&self, source: io::Error) -> OutputError {
        match &self.target {
            Target::Stdout => OutputError::Stdout(source),
            Target::Special(path) => {
                OutputError::Write { path: path.clone(), source, part_removed: false }
            }
            Target::Regular { path, .. } => {
                OutputError::Write { path: path.clone(), source, part_removed: true }
            }
        }
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if let Some(part) = self.part() {
            // When it cannot be removed there is nothing better to do with it, and a better error to tell.
            let _ = fs::remove_file(part);
        }
    }
}

impl fmt::Display for OutputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open { path, source } => {
                let path = path.display();
                match source.kind() {
                    io::ErrorKind::NotFound => {
                        write!(f, "cannot write {path}: there is no such directory: make it first")
                    }
                    io::ErrorKind::IsADirectory => {
                        write!(f, "cannot write {path}: it is a directory: name a file in it")
                    }
                    io::ErrorKind::PermissionDenied => write!(
                        f,
                        "cannot write {path}: this user may not write there: choose another place"
                    ),
                    _ => write!(f, "cannot write {path}: {source}"),
                }
            }
            Self::Stdout(source) => write!(f, "cannot write to standard output: {source}"),
            Self::Write { path, source, part_removed } => {
                let rest = if *part_removed { "; what had come was removed" } else { "" };
                write!(f, "cannot write {}: {source}{rest}", path.display())
            }
        }
    }
}

impl std::error::Error for OutputError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Open { source, .. } | Self::Stdout(source) | Self::Write { source, .. } => {
                Some(source)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn names(scratch: &Scratch) -> Vec<OsString> {
        let mut names: Vec<_> =
            fs::read_dir(scratch.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_appears_when_it_is_complete() {
        let scratch = Scratch::new();
        let path = scratch.path().join("new");
        let mut output = Output::file(&path).unwrap();
        output.write(b"half").unwrap();
        assert!(!path.exists());
        assert!(output.part().unwrap().exists());
        output.write(b" and half").unwrap();
        output.complete().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"half and half");
        assert_eq!(names(&scratch), ["new"]);
    }

    #[test]
    fn what_is_not_completed_leaves_nothing_and_the_old_in_place() {
        let scratch = Scratch::new();
        let path = scratch.write("old", "old");
        let mut output = Output::file(&path).unwrap();
        output.write(b"half").unwrap();
        drop(output);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(&scratch), ["old"]);
    }

    #[test]
    fn links_and_permissions_stay() {
        let scratch = Scratch::new();
        let path = scratch.write("target", "old");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let link = scratch.path().join("link");
        symlink("target", &link).unwrap();
        let mut output = Output::file(&link).unwrap();
        output.write(b"new").unwrap();
        output.complete().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn devices_stay_what_they_are() {
        let mut output = Output::file("/dev/null".as_ref()).unwrap();
        assert_eq!(output.part(), None);
        output.write(b"into the void").unwrap();
        output.complete().unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
        let error = Output::file("/dev/full".as_ref()).unwrap().write(b"x").unwrap_err();
        assert!(error.to_string().contains("/dev/full"), "{error}");
    }

    #[test]
    fn places_that_cannot_be_written() {
        let scratch = Scratch::new();
        let missing = scratch.path().join("missing/file");
        let error = Output::file(&missing).unwrap_err().to_string();
        assert!(error.contains("missing/file") && error.contains("no such directory"), "{error}");
        let error = Output::file(scratch.path()).unwrap_err().to_string();
        assert!(error.contains("is a directory"), "{error}");
        assert_eq!(names(&scratch), [""; 0]);
    }
}
