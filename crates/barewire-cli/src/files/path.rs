//! From the path of a request target to the name of a file below the served directory. No I/O.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use percent_encoding::percent_decode_str;

/// What a target names: it has no `..`, no empty part, and does not begin with a slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    /// `.` for the served directory itself.
    pub(crate) path: PathBuf,
    /// It ends in a slash: only a directory will do.
    pub(crate) is_directory: bool,
}

/// Why a target names no file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameError {
    /// A percent sign without two hexadecimal digits, or a NUL.
    Malformed,
    /// Well formed, and not the name of anything here.
    NotFound,
}

/// Decodes a target's path, once, part by part.
///
/// What could lead out of the directory, here or in a client that follows a redirect made of it, is refused
/// and not repaired: dot segments, which clients have resolved already (RFC 3986, section 5.2.4), empty
/// parts, and slashes and backslashes that were encoded.
pub(crate) fn name_of(target: &str) -> Result<Name, NameError> {
    let rest = target.strip_prefix('/').ok_or(NameError::NotFound)?;
    let mut path = PathBuf::new();
    let mut parts = rest.split('/').peekable();
    while let Some(part) = parts.next() {
        if part.is_empty() {
            if parts.peek().is_some() {
                return Err(NameError::NotFound);
            }
            break;
        }
        path.push(Path::new(OsStr::from_bytes(&decode(part)?)));
    }
    if path.as_os_str().is_empty() {
        path.push(".");
    }
    Ok(Name { path, is_directory: rest.is_empty() || rest.ends_with('/') })
}

/// Whether a name, or a directory on the way to it, begins with a dot: what is kept like that, such as `.git` or `.env`,
/// is hardly ever meant for visitors. `.well-known` at the top is, and is the only one that is (RFC 8615, section 3).
pub(crate) fn is_hidden(path: &Path) -> bool {
    let path = path.strip_prefix(".").unwrap_or(path);
    let path = path.strip_prefix(".well-known").unwrap_or(path);
    path.components().any(|part| match part {
        Component::Normal(part) => part.as_bytes().starts_with(b"."),
        _ => false,
    })
}

fn decode(part: &str) -> Result<Vec<u8>, NameError> {
    let mut rest = part.as_bytes();
    while let Some(at) = rest.iter().position(|&byte| byte == b'%') {
        match rest.get(at + 1..at + 3) {
            Some(digits) if digits.iter().all(u8::is_ascii_hexdigit) => rest = &rest[at + 3..],
            _ => return Err(NameError::Malformed),
        }
    }
    let name: Vec<u8> = percent_decode_str(part).collect();
    if name.contains(&0) {
        return Err(NameError::Malformed);
    }
    let leads_astray = name.iter().any(|byte| matches!(byte, b'/' | b'\\'));
    if leads_astray || name == b"." || name == b".." {
        return Err(NameError::NotFound);
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (target, path, is_directory) in [
            ("/", ".", true),
            ("/a.txt", "a.txt", false),
            ("/sub/", "sub", true),
            ("/sub/a.txt", "sub/a.txt", false),
            ("/with%20space%20%26%20%C3%BC", "with space & ü", false),
            ("/%61.txt", "a.txt", false),
            ("/100%25", "100%", false),
            ("/%2561", "%61", false),
            ("/...", "...", false),
            ("/..a", "..a", false),
            ("/.hidden", ".hidden", false),
            ("/a;b=c", "a;b=c", false),
        ] {
            let name = Name { path: path.into(), is_directory };
            assert_eq!(name_of(target), Ok(name), "{target}");
        }
        let bytes = name_of("/%FF").unwrap().path;
        assert_eq!(bytes.as_os_str().as_bytes(), b"\xFF");
    }

    #[test]
    fn what_is_hidden() {
        for target in [
            "/.git",
            "/.git/config",
            "/a/.env",
            "/%2egit",
            "/...",
            "/.well-known-not",
            "/a/.well-known/b",
        ] {
            assert!(is_hidden(&name_of(target).unwrap().path), "{target}");
        }
        assert!(is_hidden(&name_of("/.well-known/.htaccess").unwrap().path));
        for target in ["/", "/a.txt", "/a./b", "/.well-known", "/.well-known/a/b.json"] {
            assert!(!is_hidden(&name_of(target).unwrap().path), "{target}");
        }
    }

    #[test]
    fn refusals() {
        for target in ["/%", "/%4", "/%zz", "/a%+1", "/%00", "/a%00b"] {
            assert_eq!(name_of(target), Err(NameError::Malformed), "{target}");
        }
        for target in [
            "",
            "*",
            "a",
            "//",
            "//etc/passwd",
            "/a//b",
            "/a//",
            "/.",
            "/..",
            "/./a",
            "/a/./b",
            "/a/..",
            "/a/../b",
            "/%2e",
            "/%2e%2E",
            "/.%2e",
            "/..%2fa",
            "/%2fetc",
            "/a%2Fb",
            "/a\\b",
            "/..%5ca",
            "/%5C%5Chost",
        ] {
            assert_eq!(name_of(target), Err(NameError::NotFound), "{target}");
        }
    }
}
