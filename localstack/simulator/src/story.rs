//! What happened, in words, for whoever reads a failing run. Nothing is written down unless somebody will read it.

use std::{collections::BTreeMap, fmt::Write};

use crate::world::START_MS;

#[derive(Debug, Default)]
pub(crate) struct Story {
    told: bool,
    lines: Vec<String>,
    names: BTreeMap<String, String>,
}

impl Story {
    pub(crate) fn new(told: bool) -> Self {
        Self { told, ..Self::default() }
    }

    pub(crate) fn tell(&mut self, now_ms: i64, line: impl FnOnce() -> String) {
        if self.told {
            let ms = now_ms - START_MS;
            let s = ms / 1_000;
            let mut text = format!("{:3}:{:02}:{:02}.{:03}  ", s / 3_600, s / 60 % 60, s % 60, ms % 1_000);
            let _ = write!(text, "{}", line());
            self.lines.push(text);
        }
    }

    /// From now on the id is called that.
    pub(crate) fn name(&mut self, id: &str, name: impl FnOnce() -> String) {
        if self.told && !self.names.contains_key(id) {
            self.names.insert(id.to_owned(), name());
        }
    }

    /// The lines, with every id that has a name called by it.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.iter().map(|line| self.named(line)).collect()
    }

    /// A text, with every id that has a name called by it.
    pub(crate) fn named(&self, text: &str) -> String {
        self.names.iter().fold(text.to_owned(), |text, (id, name)| text.replace(id.as_str(), name))
    }
}
