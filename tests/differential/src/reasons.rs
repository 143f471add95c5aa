use std::collections::BTreeMap;

/// Reads a list of differences, `name: ours | theirs`. Reasons begin with `#` and count for the lines below them.
///
/// # Panics
///
/// On a line that is not of that form, has no reason, or is there twice.
pub fn read_reasons(text: &str) -> BTreeMap<String, String> {
    let mut listed = BTreeMap::new();
    let mut reason = false;
    for line in text.lines().map(str::trim) {
        if line.is_empty() {
            reason = false;
        } else if line.starts_with('#') {
            reason = true;
        } else {
            let (name, line) = line.split_once(": ").expect("a line is `name: ours | theirs`");
            assert!(reason, "{name} has no reason above it");
            let known = listed.insert(name.to_owned(), line.to_owned());
            assert!(known.is_none(), "{name} is listed twice");
        }
    }
    listed
}

/// What is new, changed or gone, a line each.
pub fn compare(listed: &BTreeMap<String, String>, found: &BTreeMap<String, String>) -> String {
    let mut report = Vec::new();
    for (name, line) in found {
        match listed.get(name) {
            Some(expected) if expected == line => {}
            Some(expected) => report.push(format!("changed: {name}: {line}\n    was: {expected}")),
            None => report.push(format!("new: {name}: {line}")),
        }
    }
    let gone = listed.keys().filter(|name| !found.contains_key(*name));
    report.extend(gone.map(|name| format!("gone: {name}")));
    report.join("\n")
}
