//! A served directory: the answer to any request, by steps that may block.

use std::ffi::OsStr;
use std::hash::{BuildHasher, RandomState};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::SystemTime;

use barewire::bytes::Bytes;
use barewire::http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, LOCATION};
use barewire::http::{HeaderMap, Method, Response, StatusCode, Uri};

use super::answer::{Question, answer, content_type};
use super::body::Reader;
use super::listing;
use super::path::{Name, NameError, is_hidden, name_of};
use super::root::{Found, OpenError, Root, RootError};

/// The body of an answer.
#[derive(Debug)]
pub(crate) enum Content {
    /// All of it, in memory.
    Bytes(Bytes),
    /// To be read from a file.
    File(Reader),
}

/// A directory and the answers to requests for what is in it.
#[derive(Debug)]
pub(crate) struct Site {
    root: Root,
    /// Whether what is [hidden](is_hidden) is there for visitors.
    shows_hidden: bool,
}

const INDEX: &str = "index.html";

impl Site {
    pub(crate) fn open(path: &Path, shows_hidden: bool) -> Result<Self, RootError> {
        Ok(Self { root: Root::open(path)?, shows_hidden })
    }

    /// Answers a request. Opens files and reads the first bytes of them: to be called where that may block.
    pub(crate) fn answer(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Response<Content> {
        if *method != Method::GET && *method != Method::HEAD {
            let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, method);
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        let name = match name_of(uri.path()) {
            Ok(name) => name,
            Err(NameError::Malformed) => return plain(StatusCode::BAD_REQUEST, method),
            Err(NameError::NotFound) => return plain(StatusCode::NOT_FOUND, method),
        };
        if !self.shows(&name.path) {
            return plain(StatusCode::NOT_FOUND, method);
        }
        match self.open_page(&name) {
            Ok(Page::File(file, stat, path)) => {
                let (head, segments) = answer(&Question {
                    method,
                    headers,
                    stat,
                    content_type: &content_type(&path),
                    now: SystemTime::now(),
                    boundary,
                });
                let mut reader = Reader::new(file, segments);
                match reader.read_if_short() {
                    Ok(Some(bytes)) => head.map(|()| Content::Bytes(bytes)),
                    Ok(None) => head.map(|()| Content::File(reader)),
                    Err(error) => {
                        tracing::error!(path = uri.path(), %error, "cannot answer");
                        plain(StatusCode::INTERNAL_SERVER_ERROR, method)
                    }
                }
            }
            Ok(Page::Directory(dir)) => self.listing(method, uri, &name, &dir),
            Ok(Page::Elsewhere) => moved_below(uri, method),
            Err(OpenError::NotFound) => plain(StatusCode::NOT_FOUND, method),
            Err(OpenError::Forbidden) => plain(StatusCode::FORBIDDEN, method),
            Err(OpenError::Io(error)) => {
                tracing::error!(path = uri.path(), %error, "cannot answer");
                plain(StatusCode::INTERNAL_SERVER_ERROR, method)
            }
        }
    }

    fn shows(&self, path: &Path) -> bool {
        self.shows_hidden || !is_hidden(path)
    }

    fn open_page(&self, name: &Name) -> Result<Page, OpenError> {
        if name.is_directory {
            let path = name.path.join(INDEX);
            match self.root.get(&path) {
                Ok(Found::File(file, stat)) => return Ok(Page::File(file, stat, path)),
                Ok(Found::Directory(_)) | Err(OpenError::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        match self.root.get(&name.path)? {
            Found::File(..) if name.is_directory => Err(OpenError::NotFound),
            Found::File(file, stat) => Ok(Page::File(file, stat, name.path.clone())),
            Found::Directory(dir) if name.is_directory => Ok(Page::Directory(dir)),
            Found::Directory(_) => Ok(Page::Elsewhere),
        }
    }

    fn listing(&self, method: &Method, uri: &Uri, name: &Name, dir: &OwnedFd) -> Response<Content> {
        let is_root = name.path == Path::new(".");
        let title = match is_root {
            true => "/".into(),
            false => format!("/{}/", name.path.display()),
        };
        match self.root.list(dir.as_fd(), &name.path) {
            Ok(mut entries) => {
                entries.retain(|entry| self.shows(&name.path.join(OsStr::from_bytes(&entry.name))));
                let page = listing::page(&title, entries, is_root);
                text(StatusCode::OK, "text/html; charset=utf-8", page.into(), method)
            }
            Err(error) => {
                tracing::error!(path = uri.path(), %error, "cannot list");
                plain(StatusCode::INTERNAL_SERVER_ERROR, method)
            }
        }
    }
}

/// What a name leads to.
enum Page {
    File(std::fs::File, super::validators::Stat, std::path::PathBuf),
    Directory(OwnedFd),
    /// A directory that was named without its slash, so that links in it would lead astray.
    Elsewhere,
}

/// A redirect to the same path with a slash. The path has no empty part and no backslash, so that no client
/// takes its beginning for a host.
fn moved_below(uri: &Uri, method: &Method) -> Response<Content> {
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut response = plain(StatusCode::MOVED_PERMANENTLY, method);
    if let Ok(location) = HeaderValue::try_from(format!("{}/{query}", uri.path())) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

/// A status with its name as text.
fn plain(status: StatusCode, method: &Method) -> Response<Content> {
    text(status, "text/plain; charset=utf-8", format!("{status}\n").into(), method)
}

fn text(
    status: StatusCode,
    content_type: &'static str,
    body: Bytes,
    method: &Method,
) -> Response<Content> {
    let len = body.len();
    let body = if *method == Method::HEAD { Bytes::new() } else { body };
    let mut response = Response::new(Content::Bytes(body));
    *response.status_mut() = status;
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    if *method == Method::HEAD {
        fields.insert(CONTENT_LENGTH, HeaderValue::from(len));
    }
    response
}

/// 128 bits that nobody can guess, so that no file contains them.
fn boundary() -> String {
    let random = || RandomState::new().hash_one(());
    format!("{:016x}{:016x}", random(), random())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use std::os::unix::fs::symlink;

    fn site() -> (Scratch, Site) {
        let scratch = Scratch::new();
        scratch.write("site/a.txt", "a");
        scratch.write("site/sub/index.html", "index");
        scratch.write("site/bare/b.txt", "b");
        scratch.write("site/odd/index.html/c.txt", "c");
        scratch.write("outside.html", "outside");
        scratch.write("site/out/x.txt", "x");
        symlink("../../outside.html", scratch.path().join("site/out/index.html")).unwrap();
        let site = Site::open(&scratch.path().join("site"), false).unwrap();
        (scratch, site)
    }

    fn ask(site: &Site, method: Method, target: &str) -> (u16, String, Response<Content>) {
        let response = site.answer(&method, &target.parse().unwrap(), &HeaderMap::new());
        let body = match response.body() {
            Content::Bytes(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
            Content::File(_) => panic!("all of them are short"),
        };
        (response.status().as_u16(), body, response)
    }

    #[test]
    fn files_indexes_and_listings() {
        let (_scratch, site) = site();
        for (target, status, body) in [
            ("/a.txt", 200, "a"),
            ("/a.txt?query", 200, "a"),
            ("http://host/a.txt", 200, "a"),
            ("/sub/", 200, "index"),
            ("/bare/", 200, "<a href=\"./b.txt\">"),
            ("/", 200, "<a href=\"./sub/\">"),
            // No index that could be served: the directory is as good as without.
            ("/odd/", 200, "<a href=\"./index.html/\">"),
            ("/out/", 200, "<a href=\"./x.txt\">"),
            ("/a.txt/", 404, ""),
            ("/missing", 404, "404 Not Found"),
            ("/%zz", 400, ""),
        ] {
            let (got, text, _) = ask(&site, Method::GET, target);
            assert_eq!(got, status, "{target}");
            assert!(text.contains(body), "{target}: {text}");
            let (head, text, response) = ask(&site, Method::HEAD, target);
            assert_eq!((head, text.as_str()), (status, ""), "{target}");
            assert!(response.headers().contains_key(CONTENT_LENGTH), "{target}");
        }
    }

    #[test]
    fn hidden_files_are_there_for_those_who_ask_for_them_to_be() {
        let scratch = Scratch::new();
        scratch.write("site/a.txt", "a");
        scratch.write("site/.env", "hidden");
        scratch.write("site/.git/config", "hidden");
        scratch.write("site/.well-known/security.txt", "security");
        let path = scratch.path().join("site");
        symlink(".env", path.join("shown-by-a-link")).unwrap();

        let site = Site::open(&path, false).unwrap();
        for target in ["/.env", "/.git", "/.git/", "/.git/config", "/%2Egit/config", "/.missing"] {
            assert_eq!(ask(&site, Method::GET, target).0, 404, "{target}");
        }
        assert_eq!(ask(&site, Method::GET, "/.well-known/security.txt").1, "security");
        // It has a name of its own, which somebody gave it.
        assert_eq!(ask(&site, Method::GET, "/shown-by-a-link").1, "hidden");
        let (_, listing, _) = ask(&site, Method::GET, "/");
        for (name, listed) in
            [("a.txt", true), (".well-known/", true), (".env", false), (".git", false)]
        {
            assert_eq!(listing.contains(&format!("\"./{name}")), listed, "{name}: {listing}");
        }

        let site = Site::open(&path, true).unwrap();
        assert_eq!(ask(&site, Method::GET, "/.git/config").1, "hidden");
        assert!(ask(&site, Method::GET, "/").1.contains("\"./.env\""));
        let inside = Site::open(&path.join(".git"), false).unwrap();
        assert_eq!(ask(&inside, Method::GET, "/config").1, "hidden");
    }

    #[test]
    fn directories_are_redirected_to() {
        let (_scratch, site) = site();
        for (target, location) in
            [("/sub", "/sub/"), ("/sub?a=b", "/sub/?a=b"), ("/%73ub", "/%73ub/")]
        {
            let (status, _, response) = ask(&site, Method::GET, target);
            assert_eq!(status, 301);
            assert_eq!(response.headers()[LOCATION], location);
        }
        assert_eq!(ask(&site, Method::GET, "//sub").0, 404);
    }

    #[test]
    fn other_methods() {
        let (_scratch, site) = site();
        for method in [Method::POST, Method::OPTIONS, Method::DELETE] {
            let (status, _, response) = ask(&site, method, "/a.txt");
            assert_eq!(status, 405);
            assert_eq!(response.headers()[ALLOW], "GET, HEAD");
        }
    }

    #[test]
    fn boundaries_differ() {
        assert_ne!(boundary(), boundary());
        assert_eq!(boundary().len(), 32);
    }
}
