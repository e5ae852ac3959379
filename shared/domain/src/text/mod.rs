//! Texts: the form in which they are stored ([`canonical`]), and checks of formats: slugs, e-mail addresses, SKUs,
//! phone numbers. The caller adds the name of the field.

mod canonical;
mod country;
mod web;

pub use canonical::{canonical, is_line, is_sendable, is_visible, is_xml_char, visible_chars};
pub use country::is_country;
pub use web::is_web_address;

use deunicode::deunicode_char;
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// Lower-case letters, digits and single inner hyphens: safe in a host name (RFC 1123) and in a table key.
pub fn is_slug(text: &str) -> bool {
    (3..=crate::limits::SLUG_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !text.contains("--")
}

/// Makes a slug from a name. Latin letters lose their marks: `Straße` becomes `strasse`. `None` if fewer than three
/// usable characters are left, as with a name in another script: how it is written in Latin depends on the language.
pub fn slugify(name: &str) -> Option<String> {
    let mut slug = String::new();
    for c in name.nfc().filter(|c| !is_combining_mark(*c)) {
        let letters = if is_latin(c) { deunicode_char(c).unwrap_or_default() } else { "" };
        let letters = letters.bytes().filter(u8::is_ascii_alphanumeric).map(|b| char::from(b.to_ascii_lowercase()));
        let before = slug.len();
        slug.extend(letters);
        if slug.len() == before && !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(crate::limits::SLUG_MAX);
    let slug = slug.trim_end_matches('-').to_owned();
    is_slug(&slug).then_some(slug)
}

/// ASCII letters and digits, and the letters of Unicode's Latin blocks.
const fn is_latin(c: char) -> bool {
    matches!(c,
        '0'..='9' | 'A'..='Z' | 'a'..='z' | 'ª' | 'º' | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}'
        | '\u{F8}'..='\u{2AF}' | '\u{1D00}'..='\u{1DBF}' | '\u{1E00}'..='\u{1EFF}' | '\u{2C60}'..='\u{2C7F}'
        | '\u{A720}'..='\u{A7FF}' | '\u{AB30}'..='\u{AB6F}' | '\u{FB00}'..='\u{FB06}' | '\u{FF10}'..='\u{FF5A}')
}

/// One local part and one domain name, without spaces or control characters, as RFC 5321 has it for mailboxes without
/// quotes. Checks the format only: a code sent to the address shows whether the mailbox exists.
pub fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    text.len() <= crate::limits::EMAIL_MAX
        && local.len() <= 64
        && local.split('.').all(|part| !part.is_empty())
        && local.chars().all(|c| {
            c.is_ascii_graphic()
                && !matches!(c, '@' | '"' | '(' | ')' | ',' | ':' | ';' | '<' | '>' | '[' | ']' | '\\' | '#')
        })
        && is_domain_name(domain)
}

/// A name of at least two labels in the Internet's domain name system. No IP address: its last label has a letter.
fn is_domain_name(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let Some((rest, last)) = text.rsplit_once('.') else { return false };
    text.len() <= 253
        && rest.split('.').all(is_label)
        && is_label(last)
        && last.len() >= 2
        && last.starts_with(|c: char| c.is_ascii_alphabetic())
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

/// Printable ASCII without spaces: tokens, and the values of headers that are stored.
pub fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic())
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
        assert_eq!(escape_html("<a href='x'>\"&\"</a>"), "&lt;a href=&#39;x&#39;&gt;&quot;&amp;&quot;&lt;/a&gt;");
    }

    #[test]
    fn a_mailbox_has_a_name_in_the_domain_name_system() {
        for good in ["ada.obi+shop@example.com", "a@b.co", "a@xn--bcher-kva.example", "o'neil@mail.example.com.ng"] {
            assert!(is_email(good), "{good}");
        }
        for bad in ["a..b@x.com", ".a@x.com", "a.@x.com", "a..b@x", "a@127.0.0.1", "a@[127.0.0.1]", "a@x.1", "a@x..com"]
        {
            assert!(!is_email(bad), "{bad}");
        }
    }

    #[test]
    fn latin_letters_keep_their_sound_in_a_slug() {
        for (name, slug) in [
            ("Straße", "strasse"),
            ("STRAẞE", "strasse"),
            ("Crème Brûlée", "creme-brulee"),
            ("Cre\u{301}me", "creme"),
            ("Ọ̀ṣun Aṣọ", "osun-aso"),
            ("Ɗanɓaƙi", "danbaki"),
            ("Łódź Ærø Œuvre", "lodz-aero-oeuvre"),
            ("Þór Đặng ıĞŞ", "thor-dang-igs"),
            ("ﬁne ﬂowers", "fine-flowers"),
            ("Café 本", "cafe"),
        ] {
            assert_eq!(slugify(name).as_deref(), Some(slug), "{name}");
        }
        assert_eq!(slugify("Книги"), None);
    }

    proptest! {
        #[test]
        fn a_made_slug_is_a_slug(name in "\\PC{0,100}") {
            if let Some(slug) = slugify(&name) {
                prop_assert!(is_slug(&slug));
            }
        }
    }
}
