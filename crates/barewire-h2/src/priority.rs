use std::fmt;

/// How urgent a response is, and whether it is of use before it is complete (RFC 9218, section 4).
///
/// ```
/// use barewire_h2::Priority;
///
/// let picture = Priority { urgency: 5, incremental: true };
/// assert_eq!(picture.to_string(), "u=5, i");
/// assert_eq!(Priority::parse(b"i, u=5, unknown"), picture);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Priority {
    /// From 0, first, to 7, last. Default 3.
    pub urgency: u8,
    /// Whether streams of the same urgency take turns; otherwise they are sent one after the other.
    pub incremental: bool,
}

impl Default for Priority {
    fn default() -> Self {
        Self { urgency: 3, incremental: false }
    }
}

impl Priority {
    /// Reads a `Priority` field or the value of PRIORITY_UPDATE. What is malformed or not known is left out
    /// (RFC 9218, section 4; RFC 8941, section 3.2).
    pub fn parse(value: &[u8]) -> Self {
        let mut priority = Self::default();
        for member in value.split(|&b| b == b',') {
            let member = member.split(|&b| b == b';').next().unwrap_or_default().trim_ascii();
            match member {
                [b'u', b'=', digit @ b'0'..=b'7'] => priority.urgency = digit.wrapping_sub(b'0'),
                b"i" | b"i=?1" => priority.incremental = true,
                b"i=?0" => priority.incremental = false,
                _ => {}
            }
        }
        priority
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "u={}", self.urgency.min(7))?;
        if self.incremental { f.write_str(", i") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc9218_4_parameters() {
        for (value, urgency, incremental) in [
            ("", 3, false),
            ("u=5", 5, false),
            ("i", 3, true),
            ("u=0, i", 0, true),
            ("i=?0,u=7;x=y", 7, false),
            ("u=8", 3, false),
            ("u=-1, i=1, x", 3, false),
            ("u=1, u=2", 2, false),
        ] {
            assert_eq!(
                Priority::parse(value.as_bytes()),
                Priority { urgency, incremental },
                "{value}"
            );
        }
        assert_eq!(Priority { urgency: 1, incremental: true }.to_string(), "u=1, i");
    }
}
