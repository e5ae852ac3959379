//! Checks of text formats: slugs, e-mail addresses, SKUs, phone numbers. The caller adds the name of the field.

/// Lower-case letters, digits and single inner hyphens: safe in a host name (RFC 1123) and in a table key.
pub fn is_slug(text: &str) -> bool {
    (3..=crate::limits::SLUG_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !text.contains("--")
}

/// Makes a slug from a name. `None` if fewer than three usable characters are left, as with a name in another script.
pub fn slugify(name: &str) -> Option<String> {
    let mut slug = String::new();
    for c in name.chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(crate::limits::SLUG_MAX);
    let slug = slug.trim_end_matches('-').to_owned();
    is_slug(&slug).then_some(slug)
}

/// One local part and one domain with a dot, without spaces or control characters. Checks the format only: a code sent
/// to the address shows whether the mailbox exists.
pub fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    text.len() <= crate::limits::EMAIL_MAX
        && !local.is_empty()
        && local.len() <= 64
        && local.chars().all(|c| {
            c.is_ascii_graphic()
                && !matches!(c, '@' | '"' | '(' | ')' | ',' | ':' | ';' | '<' | '>' | '[' | ']' | '\\' | '#')
        })
        && domain.contains('.')
        && domain.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
}

/// The form in which e-mail addresses are stored and compared: trimmed, in lower case. In practice, addresses that
/// differ only in case belong to the same mailbox.
pub fn normalize_email(text: &str) -> String {
    text.trim().to_ascii_lowercase()
}

/// E.164: a plus, then 8 to 15 digits, the first not zero.
pub fn is_phone(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| {
        (8..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0')
    })
}

/// Printable ASCII without spaces or `#`.
pub fn is_sku(text: &str) -> bool {
    (1..=crate::limits::SKU_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic() && b != b'#')
}

/// Two upper-case letters, the format of ISO 3166-1 alpha-2. Does not check that the country exists.
pub fn is_country(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase())
}

/// A character that XML 1.0 allows (section 2.2). SQS refuses messages with any other, so an event with one would reach
/// no queue.
pub const fn is_xml_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

/// No control characters except newline and tab, and none that SQS refuses.
pub fn is_clean_or_empty(text: &str) -> bool {
    text.chars().all(|c| (!c.is_control() || c == '\n' || c == '\t') && is_xml_char(c))
}

/// At least one character that is not white space, and otherwise as [`is_clean_or_empty`].
pub fn is_clean(text: &str) -> bool {
    !text.trim().is_empty() && is_clean_or_empty(text)
}

/// An absolute `https` address with a host (`http` on localhost, for development), without credentials.
pub fn is_web_address(text: &str) -> bool {
    let rest = match (text.strip_prefix("https://"), text.strip_prefix("http://localhost")) {
        (Some(rest), _) => rest,
        (None, Some(rest)) if rest.is_empty() || rest.starts_with([':', '/']) => {
            return text.bytes().all(|b| b.is_ascii_graphic());
        }
        _ => return false,
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    !host.is_empty() && !host.contains('@') && text.bytes().all(|b| b.is_ascii_graphic())
}

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

/// Escapes text for HTML, both for content and for quoted attribute values.
pub fn escape_html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn forms() {
        assert!(is_slug("ada-books") && !is_slug("Ada") && !is_slug("a--b") && !is_slug("-ab") && !is_slug("ab"));
        assert_eq!(slugify("Ada's  Books!"), Some("ada-s-books".into()));
        assert_eq!(slugify("本"), None);
        assert!(is_email("ada@example.com") && !is_email("ada@localhost") && !is_email("a b@example.com"));
        assert!(!is_email("a#b@example.com") && !is_email("@example.com") && !is_email("ada"));
        assert!(is_phone("+2348012345678") && !is_phone("08012345678") && !is_phone("+0123456789"));
        assert!(is_sku("TEE-RED-M") && !is_sku("TEE RED") && !is_sku("A#B") && !is_sku(""));
        assert!(is_web_address("https://cdn.example.com/a.png") && is_web_address("http://localhost:3000/x"));
        assert!(!is_web_address("javascript:alert(1)") && !is_web_address("http://localhost.evil.com/"));
        assert!(!is_web_address("https://user@evil.com/"));
        assert_eq!(escape_html("<a href='x'>\"&\"</a>"), "&lt;a href=&#39;x&#39;&gt;&quot;&amp;&quot;&lt;/a&gt;");
    }

    #[test]
    fn clean_text_is_text_that_sqs_takes() {
        for text in ["Ada", "Ngọc Ånde 本", "two\nlines\tand a tab", "\u{FFFD}", "\u{1FFFF}", "😀"] {
            assert!(is_clean(text) && is_clean_or_empty(text), "{text:?}");
        }
        for refused in ['\0', '\u{8}', '\r', '\u{7F}', '\u{85}', '\u{FFFE}', '\u{FFFF}'] {
            let text = format!("Ada {refused}");
            assert!(!is_clean(&text) && !is_clean_or_empty(&text), "{text:?}");
        }
        for blank in ["", " ", "\n\t"] {
            assert!(!is_clean(blank) && is_clean_or_empty(blank), "{blank:?}");
        }
    }

    proptest! {
        #[test]
        fn clean_text_has_only_xml_characters(text in ".{0,100}") {
            prop_assert!(!is_clean(&text) || text.chars().all(is_xml_char));
        }

        #[test]
        fn a_made_slug_is_a_slug(name in "\\PC{0,100}") {
            if let Some(slug) = slugify(&name) {
                prop_assert!(is_slug(&slug));
            }
        }
    }
}
