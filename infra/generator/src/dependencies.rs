//! Dependencies point one way: `domain <- contracts <- store <- runtime <- functions/*`. No service knows another,
//! and nothing that is deployed knows what it is tested, generated or run locally with.

use std::{path::Path, process::Command};

use serde::Deserialize;

use crate::Result;

/// Each may use those before it.
const CHAIN: [&str; 4] = ["domain", "contracts", "store", "runtime"];
/// For tests only.
const DEV_ONLY: [&str; 2] = ["testing", "simulator"];

/// What the crates of a folder may use, for what they do and for their tests alike.
const FOLDERS: [(&str, &[&str]); 4] = [
    ("shared", &["shared"]),
    ("functions", &["shared"]),
    ("infra", &["shared"]),
    ("localstack", &["shared", "functions", "localstack"]),
];
/// It knows every function there is.
const REGISTRY: &str = "functions/registry";
/// It hosts every function there is, and has the database that only it has.
const PROCESS: &str = "functions/selleasi";
const DATABASE: &str = "shared/embedded";
/// Nothing may use it.
const SIMULATOR: &str = "localstack/simulator";

pub(crate) fn check(root: &Path) -> Result<Vec<String>> {
    Ok(problems(&crates(root)?))
}

/// A crate of the workspace, with what it uses of the workspace.
#[derive(Debug)]
struct Crate {
    /// Below the project's root: `shared/store`.
    folder: String,
    uses: Vec<Use>,
}

#[derive(Debug)]
struct Use {
    folder: String,
    /// By its tests and examples, not by the crate itself.
    is_dev: bool,
}

impl Crate {
    fn uses(&self, folder: &str) -> bool {
        self.uses.iter().any(|used| used.folder == folder && !used.is_dev)
    }
}

fn problems(crates: &[Crate]) -> Vec<String> {
    crates.iter().flat_map(|one| [out_of_order(one), dev_only(one), upwards(one)].concat()).collect()
}

fn out_of_order(one: &Crate) -> Vec<String> {
    let name =
        |folder: &str| folder.strip_prefix("shared/").and_then(|name| CHAIN.iter().position(|link| *link == name));
    let Some(position) = name(&one.folder) else { return Vec::new() };
    let later = CHAIN[position + 1..].iter().filter(|later| one.uses(&format!("shared/{later}")));
    later
        .map(|later| format!("{}: depends on {later}, which comes after it in {}", one.folder, CHAIN.join(" <- ")))
        .collect()
}

fn dev_only(one: &Crate) -> Vec<String> {
    let is_deployed =
        one.folder.starts_with("functions/") || CHAIN.iter().any(|link| one.folder == format!("shared/{link}"));
    let used = DEV_ONLY.iter().filter(|name| is_deployed && one.uses(&format!("shared/{name}")));
    used.map(|name| format!("{}: {name} is for [dev-dependencies] only", one.folder)).collect()
}

fn upwards(one: &Crate) -> Vec<String> {
    let Some((_, allowed)) = FOLDERS.iter().find(|(folder, _)| is_in(&one.folder, folder)) else {
        return vec![format!("{}: no crate is expected here", one.folder)];
    };
    let is_allowed = |used: &Use| {
        allowed.iter().any(|folder| is_in(&used.folder, folder))
            || (one.folder == REGISTRY && is_in(&used.folder, "functions") && used.folder != PROCESS)
            || (one.folder == PROCESS && used.folder == REGISTRY)
    };
    let is_nobodys = |used: &Use| {
        used.folder == SIMULATOR
            || (used.folder == DATABASE && is_in(&one.folder, "functions") && one.folder != PROCESS)
    };
    let wrong = one.uses.iter().filter(|used| is_nobodys(used) || !is_allowed(used));
    wrong.map(|used| format!("{}: must not depend on {}", one.folder, used.folder)).collect()
}

fn is_in(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// `cargo metadata`, as much of it as is needed.
#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_root: String,
}

#[derive(Debug, Deserialize)]
struct Package {
    manifest_path: String,
    dependencies: Vec<Dependency>,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    /// Of a crate in the workspace.
    path: Option<String>,
    /// `None` for an ordinary dependency.
    kind: Option<String>,
}

fn crates(root: &Path) -> Result<Vec<Crate>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(root)
        .output()
        .map_err(|error| format!("cargo metadata: {error}"))?;
    if !output.status.success() {
        return Err(format!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr)));
    }
    parsed(&output.stdout)
}

fn parsed(metadata: &[u8]) -> Result<Vec<Crate>> {
    let Metadata { packages, workspace_root } =
        serde_json::from_slice(metadata).map_err(|error| format!("cargo metadata: {error}"))?;
    let below_root = |path: &str| path.strip_prefix(&workspace_root).unwrap_or(path).trim_start_matches('/').to_owned();
    let one = |package: Package| Crate {
        folder: below_root(package.manifest_path.trim_end_matches("/Cargo.toml")),
        uses: package
            .dependencies
            .into_iter()
            .filter_map(|used| {
                Some(Use { folder: below_root(&used.path?), is_dev: used.kind.as_deref() == Some("dev") })
            })
            .collect(),
    };
    Ok(packages.into_iter().map(one).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uses(folder: &str, used: &[&str]) -> Crate {
        let used = used.iter().map(|folder| Use { folder: (*folder).to_owned(), is_dev: false });
        Crate { folder: folder.to_owned(), uses: used.collect() }
    }

    fn tests_use(folder: &str, used: &str) -> Crate {
        Crate { folder: folder.to_owned(), uses: vec![Use { folder: used.to_owned(), is_dev: true }] }
    }

    #[test]
    fn arrows_that_point_down_are_fine() {
        let crates = [
            uses("shared/domain", &[]),
            uses("shared/runtime", &["shared/domain", "shared/store"]),
            uses("shared/testing", &["shared/runtime"]),
            tests_use("shared/store", "shared/testing"),
            uses("functions/orders", &["shared/runtime"]),
            tests_use("functions/orders", "shared/testing"),
            uses("functions/registry", &["functions/orders", "shared/runtime"]),
            uses("localstack/simulator", &["functions/registry", "shared/testing"]),
            uses("localstack/host", &["functions/registry", "shared/runtime"]),
            uses("functions/selleasi", &["functions/registry", "shared/embedded"]),
            uses("infra/generator", &["shared/contracts"]),
        ];
        assert_eq!(problems(&crates), Vec::<String>::new());
    }

    #[test]
    fn the_chain_has_an_order() {
        let found = problems(&[uses("shared/contracts", &["shared/domain", "shared/store"])]);
        let expected =
            "shared/contracts: depends on store, which comes after it in domain <- contracts <- store <- runtime";
        assert_eq!(found, [expected]);
    }

    #[test]
    fn what_is_deployed_uses_no_test_doubles() {
        for folder in ["shared/runtime", "functions/orders"] {
            let found = problems(&[uses(folder, &["shared/testing"])]);
            assert_eq!(found, [format!("{folder}: testing is for [dev-dependencies] only")]);
        }
    }

    #[test]
    fn an_arrow_upwards_is_refused_even_from_tests() {
        for (folder, used) in [
            ("shared/store", "functions/orders"),
            ("shared/testing", "functions/orders"),
            ("shared/runtime", "localstack/host"),
            ("shared/contracts", "infra/generator"),
            ("functions/orders", "functions/carts"),
            ("functions/orders", "localstack/host"),
            ("functions/orders", "functions/registry"),
            ("functions/orders", "functions/selleasi"),
            ("functions/orders", "shared/embedded"),
            ("functions/registry", "functions/selleasi"),
            ("functions/selleasi", "functions/orders"),
            ("functions/registry", "localstack/host"),
            ("functions/orders", "infra/generator"),
            ("functions/orders", "localstack/simulator"),
            ("infra/generator", "functions/orders"),
            ("localstack/host", "localstack/simulator"),
        ] {
            let expected = format!("{folder}: must not depend on {used}");
            assert_eq!(problems(&[tests_use(folder, used)]), [expected.as_str()]);
            assert!(problems(&[uses(folder, &[used])]).contains(&expected), "{expected}");
        }
    }

    #[test]
    fn a_crate_has_its_place() {
        assert_eq!(problems(&[uses("tools/thing", &[])]), ["tools/thing: no crate is expected here"]);
    }

    #[test]
    fn cargo_metadata_is_read() {
        let metadata = br#"{"workspace_root": "/p", "packages": [{"manifest_path": "/p/functions/orders/Cargo.toml",
            "dependencies": [
                {"name": "serde", "path": null, "kind": null},
                {"name": "store", "path": "/p/shared/store", "kind": null},
                {"name": "testing", "path": "/p/shared/testing", "kind": "dev"}]}]}"#;
        let crates = parsed(metadata).unwrap();
        assert_eq!(crates.len(), 1);
        assert_eq!(crates[0].folder, "functions/orders");
        assert!(crates[0].uses("shared/store"));
        assert!(!crates[0].uses("shared/testing"), "only its tests do");
        assert_eq!(crates[0].uses.len(), 2);
    }
}
