//! What functions do in their tests, held against what their rows grant: a grant that no test uses is one too many, or
//! a test is missing. (That a function does no more than its row grants, every test sees by itself.)

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    path::Path,
};

use contracts::{Row, gate::Use};

use crate::{Result, files, model::grants};

/// What tests write: lines of a function, a tab and a use, as [`Use`] is displayed.
const ENDING: &str = "tsv";
/// What is written beside it: of each function, what it is granted and what of it was used.
const REPORT: &str = "iam-report.txt";

/// What no test used, and what no row grants or no function is. Writes the report into the folder.
pub(crate) fn check(folder: &Path, rows: &[&Row]) -> Result<Vec<String>> {
    let used = read(folder)?;
    let mut problems = Vec::new();
    if used.is_empty() {
        problems.push(format!("{}: no test wrote there what functions use", folder.display()));
    }
    let (mut report, nothing) = (String::new(), BTreeSet::new());
    for row in rows {
        let (granted, used) = (granted(row), used.get(row.function).unwrap_or(&nothing));
        let _ = writeln!(report, "{}", row.function);
        for one in &granted {
            let is_used = used.contains(one);
            let _ = writeln!(report, "  {} {one}", if is_used { "used  " } else { "UNUSED" });
            if !is_used {
                problems.push(format!("{}: {one} is granted, and no test uses it", row.function));
            }
        }
        for one in used.difference(&granted) {
            let _ = writeln!(report, "  REFUSED {one}");
        }
    }
    files::write(&folder.join(REPORT), &report)?;
    let known: BTreeSet<&str> = rows.iter().map(|row| row.function).collect();
    let unknown = used.keys().filter(|function| !known.contains(function.as_str()));
    problems.extend(unknown.map(|function| format!("{function}: is used by tests, and in no row")));
    Ok(problems)
}

/// All that a row grants, as tests write it.
fn granted(row: &Row) -> BTreeSet<String> {
    let tables = row.granted_tables();
    let tables = tables.iter().flat_map(|(table, actions)| actions.iter().map(|action| Use::Table(*table, *action)));
    let emits = row.emits.iter().map(|event_type| Use::Emit(event_type));
    tables.chain(grants(row).map(Use::Grant)).chain(emits).map(|one| one.to_string()).collect()
}

/// What all files of the folder say, by function.
fn read(folder: &Path) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let mut used: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for name in files::names(folder, ENDING)? {
        let path = folder.join(format!("{name}.{ENDING}"));
        for (number, line) in files::read(&path)?.unwrap_or_default().lines().enumerate() {
            let (function, what) = line
                .split_once('\t')
                .ok_or_else(|| format!("{}:{}: expected a function, a tab and a use", path.display(), number + 1))?;
            used.entry(function.to_owned()).or_default().insert(what.to_owned());
        }
    }
    Ok(used)
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::fixtures::{SWEEP, UPDATE_BOOK};

    const OF_SWEEP: &str = "books-sweep\tgrant SendTimers\n";
    const OF_UPDATE: &str = "books-update\tcatalog dynamodb:GetItem\nbooks-update\tcatalog dynamodb:UpdateItem\n\
        books-update\tcatalog dynamodb:GetItem\nbooks-update\temit BOOK_CHANGED\nbooks-update\toutbox dynamodb:PutItem\n\
        books-update\trequests dynamodb:GetItem\nbooks-update\trequests dynamodb:PutItem\n\
        books-update\ttenants dynamodb:GetItem\nbooks-update\ttenants dynamodb:Query\n";

    fn checked(of_update: &str, of_sweep: &str) -> (Vec<String>, String) {
        let folder = TempDir::new().unwrap();
        for (name, text) in [("1.tsv", of_update), ("2.tsv", of_sweep)] {
            files::write(&folder.path().join(name), text).unwrap();
        }
        let problems = check(folder.path(), &[&UPDATE_BOOK, &SWEEP]).unwrap();
        (problems, files::read(&folder.path().join(REPORT)).unwrap().unwrap())
    }

    #[test]
    fn what_is_granted_and_used_is_fine_whichever_process_used_it() {
        let (problems, report) = checked(OF_UPDATE, OF_SWEEP);
        assert_eq!(problems, Vec::<String>::new());
        assert!(report.contains("books-sweep\n  used   grant SendTimers\n"), "{report}");
    }

    #[test]
    fn each_kind_of_grant_that_no_test_uses_is_named() {
        for (unused, function) in [
            ("catalog dynamodb:UpdateItem", "books-update"),
            ("requests dynamodb:PutItem", "books-update"),
            ("emit BOOK_CHANGED", "books-update"),
            ("grant SendTimers", "books-sweep"),
        ] {
            let without = |text: &str| text.replace(&format!("{function}\t{unused}\n"), "");
            let (problems, report) = checked(&without(OF_UPDATE), &without(OF_SWEEP));
            assert_eq!(problems, [format!("{function}: {unused} is granted, and no test uses it")]);
            assert!(report.contains(&format!("UNUSED {unused}\n")), "{report}");
        }
    }

    #[test]
    fn a_function_that_is_in_no_row_is_a_mistake_and_so_is_a_folder_with_nothing_in_it() {
        let (problems, _) = checked(OF_UPDATE, &format!("{OF_SWEEP}books-burn\tgrant SendTimers\n"));
        assert_eq!(problems, ["books-burn: is used by tests, and in no row"]);
        let (problems, _) = checked("", "");
        assert!(problems[0].ends_with("no test wrote there what functions use"), "{problems:?}");
    }

    #[test]
    fn what_was_tried_and_refused_is_in_the_report() {
        let (problems, report) = checked(OF_UPDATE, &format!("{OF_SWEEP}books-sweep\tcarts dynamodb:PutItem\n"));
        assert_eq!(problems, Vec::<String>::new(), "tests that try it find it themselves");
        assert!(report.contains("  REFUSED carts dynamodb:PutItem\n"), "{report}");
    }

    #[test]
    fn a_line_that_is_none_is_an_error() {
        let folder = TempDir::new().unwrap();
        files::write(&folder.path().join("1.tsv"), "books-sweep grant SendTimers\n").unwrap();
        assert!(
            check(folder.path(), &[&SWEEP]).unwrap_err().ends_with("1.tsv:1: expected a function, a tab and a use")
        );
    }
}
