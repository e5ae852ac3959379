//! Writes what follows from the table of endpoints and consumers: the nested stacks with their roles, the API's
//! description, the schemas of events and first samples of requests; or checks that what is there is what would be
//! written, and that the source tree agrees with the table.
//!
//! It must not know any one service: everything comes from `contracts::endpoints()` and `contracts::consumers()`.

mod api;
mod breaking;
mod cfn;
mod compatible;
mod conform;
mod consumer;
mod data;
mod dependencies;
mod endpoint;
mod event_schemas;
mod example;
mod files;
mod model;
mod openapi;
mod role;
mod root;
mod samples;
mod service;
mod tree;
mod yaml;

#[cfg(test)]
mod fixtures;

use std::path::Path;

use files::Files;
use model::Function;

/// What went wrong, for the person who ran it.
pub type Result<T> = std::result::Result<T, String>;

/// Writes every generated file below `root`, and the samples that are missing.
pub fn write(root: &Path) -> Result<()> {
    let api = api::Api::new(contracts::endpoints())?;
    generate(&model::all()?, &api)?.write(root)?;
    samples::write_missing(root, &api)
}

/// Writes nothing, and says what is wrong below `root`: files that are stale, missing or left over, and where the
/// source tree and the table disagree, or clients of the released API would break. Nothing is wrong where the list is
/// empty.
pub fn check(root: &Path) -> Result<Vec<String>> {
    let functions = model::all()?;
    let api = api::Api::new(contracts::endpoints())?;
    let mut problems = generate(&functions, &api)?.check(root)?;
    problems.extend(tree::check(root, &functions)?);
    problems.extend(dependencies::check(root)?);
    problems.extend(samples::check(root, &api)?);
    problems.extend(breaking::check(root, &openapi::document(&api)?)?);
    Ok(problems)
}

fn generate(functions: &[Function], api: &api::Api) -> Result<Files> {
    let mut files = Files::default();
    let data = data::template();
    let mut stacks = Vec::new();
    for (service, functions) in model::by_service(functions) {
        let stack = service::stack(service, &functions)?;
        files.add(format!("infra/services/{service}.yaml"), cfn::document(&stack.template)?);
        stacks.push(stack);
    }
    files.add("infra/services/data.yaml", cfn::document(&data)?);
    files.add("template.yaml", cfn::document(&root::template(&stacks)?)?);
    files.add("infra/api/openapi.json", files::pretty(&openapi::document(api)?)?);
    for (event_type, schema) in event_schemas::all() {
        files.add(format!("events/schemas/{event_type}.json"), files::pretty(&schema)?);
    }
    Ok(files)
}
