//! Which passwords are refused because others would guess them.

use crate::{limits::PASSWORD_MIN, text};

/// Common passwords of at least [`PASSWORD_MIN`] characters, in lower case, one a line. `common-passwords.md` beside
/// `Cargo.toml` says where they come from.
const COMMON: &str = include_str!("common-passwords.txt");

/// Whether a password is long enough by what its owner sees of it: ten invisible characters are no password.
pub fn is_long_enough(password: &str) -> bool {
    text::visible_chars(password) >= PASSWORD_MIN
}

/// Whether a password is one of the most common, in whatever case. Takes microseconds, where hashing takes tens of
/// milliseconds.
pub fn is_common(password: &str) -> bool {
    let password = password.to_lowercase();
    COMMON.lines().any(|common| common == password)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_passwords_are_known_in_any_case() {
        for common in ["1234567890", "qwertyuiop", "Password123", "1Q2W3E4R5T", "football123"] {
            assert!(is_common(common), "{common}");
        }
        for rare in ["a quiet green bicycle", "correct horse battery", "", "password"] {
            assert!(!is_common(rare), "{rare}");
        }
    }

    /// Shorter ones are refused for their length, so the list need not carry them.
    #[test]
    fn the_list_is_in_the_form_in_which_it_is_compared() {
        let lines: Vec<_> = COMMON.lines().collect();
        assert!(lines.len() > 2_000 && lines.is_sorted());
        for line in lines {
            assert!(
                line.len() >= PASSWORD_MIN && line.to_lowercase() == line && text::canonical(line) == line,
                "{line}"
            );
        }
    }

    #[test]
    fn what_is_not_seen_does_not_count() {
        assert!(is_long_enough("ten chars!") && !is_long_enough(&"\u{200B}".repeat(10)));
        assert!(!is_long_enough("short\u{200B}\u{200B}\u{200B}\u{200B}\u{200B}"));
    }
}
