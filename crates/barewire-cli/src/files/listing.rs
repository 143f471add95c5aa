//! The page for a directory without an index. No I/O.

use std::fmt::Write as _;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use super::root::Entry;

/// All that does not stand for itself in one part of a path (RFC 3986, section 2.3).
const PATH_PART: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// An HTML page that links to each entry: directories first, each kind by name. `title` is the directory's
/// path as people read it.
pub(crate) fn page(title: &str, mut entries: Vec<Entry>, is_root: bool) -> String {
    entries.sort_by(|a, b| (b.is_directory, &a.name).cmp(&(a.is_directory, &b.name)));
    let title = format!("Index of {}", escaped(title));
    let mut page = format!(
        "<!DOCTYPE html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n\
         </head>\n<body>\n<h1>{title}</h1>\n<ul>\n"
    );
    if !is_root {
        page.push_str("<li><a href=\"../\">../</a></li>\n");
    }
    for Entry { name, is_directory } in &entries {
        let slash = if *is_directory { "/" } else { "" };
        let shown = escaped(&String::from_utf8_lossy(name));
        // `./` keeps a name with a colon from being taken for a scheme.
        let link = percent_encode(name, PATH_PART);
        let _infallible = writeln!(page, "<li><a href=\"./{link}{slash}\">{shown}{slash}</a></li>");
    }
    page.push_str("</ul>\n</body>\n</html>\n");
    page
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            char => escaped.push(char),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &[u8], is_directory: bool) -> Entry {
        Entry { name: name.to_vec(), is_directory }
    }

    #[test]
    fn directories_first_and_nothing_of_a_name_is_markup() {
        let entries = vec![
            entry(b"b.txt", false),
            entry(b"zoo", true),
            entry(b"<script>'\"&", false),
            entry(b"javascript:alert(1)", false),
            entry(b"100% ?#\\", false),
            entry(b"\xFF\n", false),
        ];
        let page = page("/a <b>/", entries, false);
        let lines: Vec<_> = page.lines().filter(|line| line.contains("<li>")).collect();
        assert_eq!(lines[0], "<li><a href=\"../\">../</a></li>");
        assert_eq!(lines[1], "<li><a href=\"./zoo/\">zoo/</a></li>");
        assert_eq!(lines[2], "<li><a href=\"./100%25%20%3F%23%5C\">100% ?#\\</a></li>");
        assert_eq!(
            lines[3],
            "<li><a href=\"./%3Cscript%3E%27%22%26\">&lt;script&gt;&#39;&quot;&amp;</a></li>"
        );
        assert_eq!(lines[4], "<li><a href=\"./b.txt\">b.txt</a></li>");
        assert_eq!(
            lines[5],
            "<li><a href=\"./javascript%3Aalert%281%29\">javascript:alert(1)</a></li>"
        );
        assert!(page.contains("<title>Index of /a &lt;b&gt;/</title>"));
        assert!(page.contains("\"./%FF%0A\""));
    }

    #[test]
    fn the_root_has_no_parent() {
        assert!(!page("/", Vec::new(), true).contains("../"));
    }
}
