//! Compares the source tree with the table: a function is a row, a bin and a module, all by one name.

use std::{collections::BTreeSet, path::Path};

use crate::{Result, files, model::Function};

pub(crate) fn check(root: &Path, functions: &[Function]) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    let mut expected = BTreeSet::new();
    for function in functions {
        let folder = format!("functions/{}/src", function.service);
        let bin = format!("{folder}/bin/{}.rs", function.name);
        let module = format!("{folder}/{}.rs", function.module());
        for path in [&bin, &module] {
            if !root.join(path).is_file() {
                problems
                    .push(format!("{path}: missing; {} is in the table, write it or remove the row", function.name));
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
