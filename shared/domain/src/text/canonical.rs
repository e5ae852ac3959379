//! The form in which every text is stored, and what a reader sees of it.

use unicode_normalization::{UnicodeNormalization, is_nfc};

/// The form in which a text is stored and compared, so that texts that look the same are the same (passwords too):
/// composed (NFC), with `\n` for every kind of line break, without white space and zero-width spaces around it, and
/// with its direction marks closed, so that it turns no text around it.
pub fn canonical(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace(['\r', '\u{2028}', '\u{2029}'], "\n");
    let text = if text.contains(is_direction_mark) { closed(&text) } else { text };
    let text = text.trim_matches(is_blank);
    // Last, because marks meet their letters where something between them was removed.
    if is_nfc(text) { text.to_owned() } else { text.nfc().collect() }
}

/// White space, and characters that are meant as such and have no width.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{200B}' | '\u{2060}' | '\u{FEFF}')
}

/// Embeddings, overrides and isolates, and what closes them (Unicode Standard Annex #9).
const fn is_direction_mark(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Adds what closes the direction marks of each line, and removes what closes nothing.
fn closed(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let (content, end) = line.strip_suffix('\n').map_or((line, ""), |content| (content, "\n"));
        let mut open = vec![];
        for c in content.chars() {
            match c {
                '\u{202A}' | '\u{202B}' | '\u{202D}' | '\u{202E}' => open.push('\u{202C}'),
                '\u{2066}'..='\u{2068}' => open.push('\u{2069}'),
                // It closes nothing inside an isolate that was opened later.
                '\u{202C}' if open.last() != Some(&c) => continue,
                '\u{202C}' => drop(open.pop()),
                // It also closes the embeddings inside.
                '\u{2069}' => match open.iter().rposition(|close| *close == c) {
                    Some(at) => {
                        out.extend(open.drain(at + 1..).rev());
                        open.pop();
                    }
                    None => continue,
                },
                _ => {}
            }
            out.push(c);
        }
        out.extend(open.into_iter().rev());
        out.push_str(end);
    }
    out
}

/// A character that XML 1.0 allows (section 2.2). SQS refuses messages with any other, so an event with one would reach
/// no queue.
pub const fn is_xml_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

/// Whether a text can be stored and sent: SQS takes every character, and none is a control character but newline and
/// tab.
pub fn is_sendable(text: &str) -> bool {
    text.chars().all(|c| is_xml_char(c) && (!c.is_control() || c == '\n' || c == '\t'))
}

/// Whether a character has a glyph: no space, no control character, none of those that Unicode lets programs ignore
/// (`Default_Ignorable_Code_Point`), and not the empty Braille pattern.
fn has_glyph(c: char) -> bool {
    !c.is_whitespace()
        && !c.is_control()
        && !matches!(c,
            '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
            | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
            | '\u{2800}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFF8}'
            | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

/// Whether a reader sees anything of the text. All that is asked of a paragraph: a description, a note.
pub fn is_visible(text: &str) -> bool {
    text.chars().any(has_glyph)
}

/// The number of characters that a reader sees, and of the spaces between them.
pub fn visible_chars(text: &str) -> usize {
    text.trim().chars().filter(|c| has_glyph(*c) || *c == ' ').count()
}

/// A visible text of one line: a name, a title, a street.
pub fn is_line(text: &str) -> bool {
    is_visible(text) && !text.contains(['\n', '\t'])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_that_look_the_same_become_the_same() {
        for (given, kept) in [
            ("Ada", "Ada"),
            ("  Ada Obi\t\n", "Ada Obi"),
            ("\u{FEFF}Ada\u{200B}", "Ada"),
            ("E\u{301}mile", "\u{C9}mile"),
            ("one\r\ntwo\rthree\u{2028}four", "one\ntwo\nthree\nfour"),
            (" \u{3000}\u{A0}", ""),
            ("e\u{202C}\u{301}", "\u{E9}"),
            // A zero-width joiner inside a text has a meaning.
            ("👩\u{200D}🌾", "👩\u{200D}🌾"),
        ] {
            assert_eq!(canonical(given), kept, "{given:?}");
        }
    }

    #[test]
    fn direction_marks_are_closed_in_their_line() {
        for (given, kept) in [
            ("a\u{202E}b", "a\u{202E}b\u{202C}"),
            ("a\u{2067}b\nc", "a\u{2067}b\u{2069}\nc"),
            ("\u{2066}\u{202B}x", "\u{2066}\u{202B}x\u{202C}\u{2069}"),
            ("\u{2068}Ada\u{2069} Obi", "\u{2068}Ada\u{2069} Obi"),
            ("Ada\u{2069} \u{202C}Obi", "Ada Obi"),
            ("\u{2066}\u{202A}x\u{2069}y\u{202C}", "\u{2066}\u{202A}x\u{202C}\u{2069}y"),
            ("\u{202A}\u{2066}x\u{202C}", "\u{202A}\u{2066}x\u{2069}\u{202C}"),
        ] {
            assert_eq!(canonical(given), kept, "{given:?}");
        }
    }

    #[test]
    fn what_is_sent_is_text_that_sqs_takes() {
        for text in ["Ada", "Ngọc Ånde 本", "two\nlines\tand a tab", "\u{FFFD}", "\u{1FFFF}", "😀", "שלום"] {
            assert!(is_sendable(text) && is_visible(text), "{text:?}");
        }
        for refused in ['\0', '\u{8}', '\r', '\u{7F}', '\u{85}', '\u{FFFE}', '\u{FFFF}'] {
            assert!(!is_sendable(&format!("Ada {refused}")), "{refused:?}");
        }
    }

    #[test]
    fn a_line_has_one_line() {
        assert!(is_line("Ada Obi") && is_line("本") && !is_line("Ada\nObi") && !is_line("Ada\tObi"));
    }

    #[test]
    fn what_nobody_sees_is_no_text() {
        for blank in
            ["", " ", "\n\t", "\u{200B}", "\u{3164}", "\u{2800}\u{2800}", "\u{202E}\u{202C}", "\u{E0041}", "\u{AD}"]
        {
            assert!(!is_line(blank) && !is_visible(blank) && visible_chars(blank) == 0, "{blank:?}");
        }
        assert_eq!(visible_chars("a quiet\u{200B} one "), 11);
    }

    /// Texts of the characters that are treated in a special way, and others.
    fn hostile() -> impl Strategy<Value = String> {
        let special =
            "ae \n\r\t\u{301}\u{323}\u{2028}\u{200B}\u{FEFF}\u{202A}\u{202C}\u{202E}\u{2066}\u{2068}\u{2069}\u{FFFF}";
        let special: Vec<_> = special.chars().collect();
        prop_oneof![
            proptest::collection::vec(proptest::sample::select(special), 0..12)
                .prop_map(|chars| chars.into_iter().collect()),
            any::<String>()
        ]
    }

    proptest! {
        #[test]
        fn the_canonical_form_of_a_canonical_text_is_itself(text in hostile()) {
            let once = canonical(&text);
            prop_assert_eq!(canonical(&once), once);
        }

        #[test]
        fn composed_and_decomposed_are_one(text in hostile()) {
            let decomposed: String = text.nfd().collect();
            prop_assert_eq!(canonical(&text), canonical(&decomposed));
        }

        #[test]
        fn no_line_of_it_turns_what_follows(text in hostile()) {
            for line in canonical(&text).lines() {
                let depth = line.chars().try_fold((0_i32, 0_i32), |(embedded, isolated), c| {
                    let next = match c {
                        '\u{202A}' | '\u{202B}' | '\u{202D}' | '\u{202E}' => (embedded + 1, isolated),
                        '\u{202C}' => (embedded - 1, isolated),
                        '\u{2066}'..='\u{2068}' => (embedded, isolated + 1),
                        '\u{2069}' => (embedded, isolated - 1),
                        _ => (embedded, isolated),
                    };
                    (next.0 >= 0 && next.1 >= 0).then_some(next)
                });
                prop_assert_eq!(depth, Some((0, 0)));
            }
        }
    }
}
