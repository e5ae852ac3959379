//! Dependencies point one way: `domain <- contracts <- store <- runtime <- functions/*`, and no service knows another.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use crate::{Result, files};

/// Each may use those before it.
const CHAIN: [&str; 4] = ["domain", "contracts", "store", "runtime"];
/// Never in what is deployed. The simulator uses everything, and nothing uses it.
const DEV_ONLY: [&str; 2] = ["testing", "simulator"];

#[derive(Debug, Default)]
struct Manifest {
    name: String,
    /// Of what is deployed.
    dependencies: BTreeSet<String>,
    dev_dependencies: BTreeSet<String>,
}

pub(crate) fn check(root: &Path) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for (position, name) in CHAIN.iter().enumerate() {
        let path = format!("shared/{name}/Cargo.toml");
        let Some(manifest) = manifest(root, &path)? else { continue };
        for later in CHAIN[position..].iter().filter(|later| manifest.dependencies.contains(**later)) {
            problems.push(format!("{path}: depends on {later}, but {name} comes before it in {}", CHAIN.join(" <- ")));
        }
        problems.extend(dev_only(&path, &manifest));
    }
    problems.extend(check_services(root)?);
    Ok(problems)
}

fn check_services(root: &Path) -> Result<Vec<String>> {
    let mut services = BTreeMap::new();
    for folder in files::entries(&root.join("functions"))? {
        let Some(folder) = folder.file_name().map(|name| name.to_string_lossy().into_owned()) else { continue };
        let path = format!("functions/{folder}/Cargo.toml");
        if let Some(manifest) = manifest(root, &path)? {
            services.insert(path, manifest);
        }
    }
    let mut problems = Vec::new();
    for (path, manifest) in &services {
        let all = manifest.dependencies.union(&manifest.dev_dependencies);
        for other in all.filter(|used| services.values().any(|service| service.name == **used)) {
            problems.push(format!("{path}: depends on {other}; services meet in events, in domain and in store"));
        }
        problems.extend(dev_only(path, manifest));
    }
    Ok(problems)
}

fn dev_only(path: &str, manifest: &Manifest) -> Vec<String> {
    let used = DEV_ONLY.into_iter().filter(|name| manifest.dependencies.contains(*name));
    used.map(|name| format!("{path}: {name} is for [dev-dependencies] only")).collect()
}

fn manifest(root: &Path, path: &str) -> Result<Option<Manifest>> {
    Ok(files::read(&root.join(path))?.map(|text| parse(&text)))
}

/// As much of a manifest as is needed: the name, and the keys of its dependency tables.
fn parse(text: &str) -> Manifest {
    let mut manifest = Manifest::default();
    let mut section = String::new();
    for line in text.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            header.trim().clone_into(&mut section);
            // `[dependencies.store]`
            if let Some((table, name)) = section.rsplit_once('.') {
                add(&mut manifest, table, name);
            }
        } else if let Some((key, value)) = line.split_once('=').filter(|_| !line.starts_with('#')) {
            let key = key.trim();
            if section == "package" && key == "name" {
                value.trim().trim_matches('"').clone_into(&mut manifest.name);
            }
            // `store.workspace = true`
            let name = key.split('.').next().unwrap_or(key);
            add(&mut manifest, &section, name);
        }
    }
    manifest
}

fn add(manifest: &mut Manifest, table: &str, name: &str) {
    let name = name.trim_matches('"').to_owned();
    if table.ends_with("dev-dependencies") {
        manifest.dev_dependencies.insert(name);
    } else if table.ends_with("dependencies") {
        manifest.dependencies.insert(name);
    }
}
