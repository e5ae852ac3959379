//! The layout of a mail: the same content once as text and once as HTML. Names and titles are user input, so every text
//! is put on one line and escaped here; the code that words a message cannot forget it.

use domain::text::escape_html;
use mail::Email;

pub(crate) enum Block {
    Text(String),
    List(Vec<String>),
}

pub(crate) fn email(to: &str, subject: &str, blocks: &[Block]) -> Email {
    Email { to: to.to_owned(), subject: one_line(subject), text: text(blocks), html: html(subject, blocks) }
}

/// Replaces line breaks and other control characters by spaces: a line break would end a mail header, and a name must
/// not be able to add paragraphs.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c }).collect()
}

fn text(blocks: &[Block]) -> String {
    let paragraphs = blocks.iter().map(|block| match block {
        Block::Text(text) => one_line(text),
        Block::List(items) => items.iter().map(|item| format!("  - {}", one_line(item))).collect::<Vec<_>>().join("\n"),
    });
    paragraphs.collect::<Vec<_>>().join("\n\n") + "\n"
}

fn html(subject: &str, blocks: &[Block]) -> String {
    let body: String = blocks
        .iter()
        .map(|block| match block {
            Block::Text(text) => element("p", text),
            Block::List(items) => {
                let items: String = items.iter().map(|item| element("li", item)).collect();
                format!("<ul>\n{items}</ul>\n")
            }
        })
        .collect();
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">{}</head>\n\
         <body style=\"font-family:sans-serif;line-height:1.5;max-width:36em;margin:auto;padding:1em\">\n{body}</body></html>\n",
        element("title", subject)
    )
}

fn element(tag: &str, text: &str) -> String {
    format!("<{tag}>{}</{tag}>\n", escape_html(&one_line(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_content_as_text_and_as_html() {
        let blocks = [Block::Text("Hello Ada,".into()), Block::List(vec!["2 x Book".into(), "1 x Pen".into()])];
        let email = email("ada@example.com", "Your order", &blocks);
        assert_eq!(email.text, "Hello Ada,\n\n  - 2 x Book\n  - 1 x Pen\n");
        assert!(email.html.contains("<p>Hello Ada,</p>\n<ul>\n<li>2 x Book</li>\n<li>1 x Pen</li>\n</ul>"));
    }

    #[test]
    fn what_people_typed_is_neither_markup_nor_a_header_nor_a_paragraph() {
        let typed = "<script>alert(1)</script>\r\nBcc: all@example.com\n\nPay & win \"now\"";
        let blocks = [Block::Text(typed.into()), Block::List(vec![typed.into()])];
        let email = email("ada@example.com", typed, &blocks);
        assert!(!email.subject.contains(char::is_control), "{}", email.subject);
        assert!(!email.html.contains("<script") && email.html.contains("&lt;script&gt;"), "{}", email.html);
        assert!(!email.html.contains("\nBcc") && !email.text.contains("\nBcc") && !email.text.contains("\nPay"));
    }
}
