//! The generated files: written all together, or compared with what is there.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::Value;

use crate::Result;

/// Folders that hold generated files only, with the ending of those: another such file in them is left over.
const OWNED: [(&str, &str); 2] = [("infra/services", "yaml"), ("events/schemas", "json")];

const REMEDY: &str = "run scripts/gen";

/// Text by path below the project's root.
#[derive(Debug, Default)]
pub(crate) struct Files(BTreeMap<String, String>);

impl Files {
    pub(crate) fn add(&mut self, path: impl Into<String>, text: String) {
        self.0.insert(path.into(), text);
    }

    pub(crate) fn write(&self, root: &Path) -> Result<()> {
        for (path, text) in &self.0 {
            // What has not changed keeps its time, so that nothing that watches it starts over.
            if read(&root.join(path))?.as_ref() != Some(text) {
                write(&root.join(path), text)?;
            }
        }
        for path in self.left_over(root)? {
            fs::remove_file(root.join(&path)).map_err(|error| format!("{path}: {error}"))?;
        }
        Ok(())
    }

    pub(crate) fn check(&self, root: &Path) -> Result<Vec<String>> {
        let mut problems = Vec::new();
        for (path, text) in &self.0 {
            match read(&root.join(path))? {
                None => problems.push(format!("{path}: missing; {REMEDY}")),
                Some(found) if found != *text => problems.push(format!("{path}: stale; {REMEDY}")),
                Some(_) => {}
            }
        }
        problems.extend(self.left_over(root)?.iter().map(|path| format!("{path}: left over; {REMEDY}")));
        Ok(problems)
    }

    fn left_over(&self, root: &Path) -> Result<Vec<String>> {
        let mut left = Vec::new();
        for (folder, ending) in OWNED {
            left.extend(
                names(&root.join(folder), ending)?
                    .into_iter()
                    .map(|name| format!("{folder}/{name}.{ending}"))
                    .filter(|path| !self.0.contains_key(path)),
            );
        }
        Ok(left)
    }
}

/// JSON as it is committed: indented, with a newline at the end.
pub(crate) fn pretty(value: &Value) -> Result<String> {
    serde_json::to_string_pretty(value).map(|text| text + "\n").map_err(|error| error.to_string())
}

/// A file's text, or `None` where there is no such file.
pub(crate) fn read(path: &Path) -> Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("{}: {error}", path.display())),
    }
}

pub(crate) fn write(path: &Path, text: &str) -> Result<()> {
    let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(path, text));
    written.map_err(|error| format!("{}: {error}", path.display()))
}

/// Names, without the ending and in order, of a folder's files that have it; none where there is no such folder.
pub(crate) fn names(folder: &Path, ending: &str) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for path in entries(folder)? {
        if path.extension().is_some_and(|found| found == ending)
            && let Some(name) = path.file_stem()
        {
            names.push(name.to_string_lossy().into_owned());
        }
    }
    Ok(names)
}

/// What a folder holds, in order; nothing where there is no such folder.
pub(crate) fn entries(folder: &Path) -> Result<Vec<std::path::PathBuf>> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    let read = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        read => read.map_err(failed)?,
    };
    let mut paths = Vec::new();
    for entry in read {
        paths.push(entry.map_err(failed)?.path());
    }
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    const STACK: &str = "infra/services/books.yaml";
    const SCHEMA: &str = "events/schemas/BOOK_LENT.json";

    fn generated() -> Files {
        let mut files = Files::default();
        files.add(STACK, "Resources: {}\n".to_owned());
        files.add(SCHEMA, "{}\n".to_owned());
        files
    }

    fn written() -> TempDir {
        let root = TempDir::new().unwrap();
        generated().write(root.path()).unwrap();
        root
    }

    fn problems(root: &TempDir) -> Vec<String> {
        generated().check(root.path()).unwrap()
    }

    #[test]
    fn what_was_just_written_is_right() {
        assert_eq!(problems(&written()), Vec::<String>::new());
    }

    #[test]
    fn a_file_that_was_edited_is_stale_and_one_that_is_gone_is_missing() {
        let root = written();
        fs::write(root.path().join(STACK), "Resources: []\n").unwrap();
        fs::remove_file(root.path().join(SCHEMA)).unwrap();
        let expected = [format!("{SCHEMA}: missing; {REMEDY}"), format!("{STACK}: stale; {REMEDY}")];
        assert_eq!(problems(&root), expected);
    }

    #[test]
    fn a_file_of_a_service_that_is_gone_is_left_over_until_the_next_write() {
        let root = written();
        let (old, notes) = (root.path().join("infra/services/films.yaml"), root.path().join("infra/services/notes.md"));
        fs::write(&old, "").unwrap();
        fs::write(&notes, "").unwrap();
        assert_eq!(problems(&root), [format!("infra/services/films.yaml: left over; {REMEDY}")]);
        generated().write(root.path()).unwrap();
        assert!(!old.exists());
        assert!(notes.exists(), "only files with the ending of generated ones are ours");
    }

    #[test]
    fn checking_writes_nothing() {
        let root = TempDir::new().unwrap();
        assert_eq!(problems(&root).len(), 2);
        assert_eq!(entries(root.path()).unwrap(), Vec::<std::path::PathBuf>::new());
    }

    #[test]
    fn what_has_not_changed_keeps_its_time() {
        let root = written();
        let path = root.path().join(STACK);
        let old = std::time::SystemTime::UNIX_EPOCH;
        fs::File::options().append(true).open(&path).unwrap().set_modified(old).unwrap();
        generated().write(root.path()).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), old);
    }
}
