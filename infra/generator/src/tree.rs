//! Compares the source tree with the table: a function is a row, a bin and a module, all by one name.

use std::{collections::BTreeSet, path::Path};

use contracts::Row;

use crate::{Result, files, model::module};

pub(crate) fn check(root: &Path, rows: &[&Row]) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    let mut expected = BTreeSet::new();
    for row in rows {
        let folder = format!("functions/{}/src", row.service());
        let bin = format!("{folder}/bin/{}.rs", row.function);
        let module = format!("{folder}/{}.rs", module(row));
        for path in [&bin, &module] {
            if !root.join(path).is_file() {
                problems.push(format!("{path}: missing; {} is in the table, write it or remove the row", row.function));
            }
        }
        expected.insert(bin);
    }
    for service in files::entries(&root.join("functions"))? {
        let Some(service) = service.file_name().map(|name| name.to_string_lossy().into_owned()) else { continue };
        let folder = format!("functions/{service}/src/bin");
        for name in files::names(&root.join(&folder), "rs")? {
            let bin = format!("{folder}/{name}.rs");
            if !expected.contains(&bin) {
                problems.push(format!("{bin}: not in the table in shared/contracts; add its row or remove it"));
            }
        }
    }
    Ok(problems)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::UPDATE_BOOK;

    #[test]
    fn a_row_a_bin_and_a_module_go_together() {
        let root = tempfile::TempDir::new().unwrap();
        let rows = [&UPDATE_BOOK];
        let (bin, module) = ("functions/books/src/bin/books-update.rs", "functions/books/src/update.rs");
        let missing = |path: &str| format!("{path}: missing; books-update is in the table, write it or remove the row");
        assert_eq!(check(root.path(), &rows).unwrap(), [missing(bin), missing(module)]);

        files::write(&root.path().join(bin), "").unwrap();
        files::write(&root.path().join(module), "").unwrap();
        assert_eq!(check(root.path(), &rows).unwrap(), Vec::<String>::new());

        let expected = format!("{bin}: not in the table in shared/contracts; add its row or remove it");
        assert_eq!(check(root.path(), &[]).unwrap(), [expected]);
    }
}
