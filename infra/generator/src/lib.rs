//! Writes what follows from the table of functions: the nested stacks with their roles, the API's description, the
//! schemas of events and first samples of requests; or checks that what is there is what would be written, and that
//! the source tree, and what tests saw functions use, agree with the table.
//!
//! It must not know any one service: everything comes from `contracts::rows()`.

mod alarm;
mod alarms;
mod api;
mod breaking;
mod cfn;
mod compatible;
mod conform;
mod data;
mod dependencies;
mod endpoint;
mod enums;
mod event_schemas;
mod example;
mod files;
mod gateway;
mod model;
mod openapi;
mod problem_responses;
mod role;
mod root;
mod samples;
mod schedule;
mod service;
mod step;
mod stream;
mod tree;
mod uses;
mod yaml;

#[cfg(test)]
mod fixtures;

use std::path::Path;

use contracts::Row;
use files::Files;

/// What went wrong, for the person who ran it.
pub type Result<T> = std::result::Result<T, String>;

/// Writes every generated file below `root`, and the samples that are missing.
///
/// # Errors
/// A row or a schema is inconsistent, or a file cannot be written.
pub fn write(root: &Path) -> Result<()> {
    let api = api::Api::new(&contracts::endpoints())?;
    generate(&model::rows()?, &api)?.write(root)?;
    samples::write_missing(root, &api)
}

/// Writes nothing, and says what is wrong below `root`: files that are stale, missing or left over, and where the
/// source tree and the table disagree, or clients of the released API would break. Nothing is wrong where the list is
/// empty.
///
/// # Errors
/// A row or a schema is inconsistent, or a file cannot be read.
pub fn check(root: &Path) -> Result<Vec<String>> {
    let rows = model::rows()?;
    let api = api::Api::new(&contracts::endpoints())?;
    let mut problems = generate(&rows, &api)?.check(root)?;
    problems.extend(tree::check(root, &rows)?);
    problems.extend(dependencies::check(root)?);
    problems.extend(samples::check(root, &api)?);
    problems.extend(breaking::check(root, &openapi::document(&api)?)?);
    Ok(problems)
}

/// Writes a report beside them, and says what of the rows' grants is in none of the files that tests wrote into `folder`.
///
/// # Errors
/// A file cannot be read.
pub fn check_uses(folder: &Path) -> Result<Vec<String>> {
    uses::check(folder, &model::rows()?)
}

fn generate(rows: &[&'static Row], api: &api::Api) -> Result<Files> {
    let mut files = Files::default();
    let mut stacks = Vec::new();
    for (service, functions) in model::by_service(rows) {
        let stack = service::stack(service, &functions, rows)?;
        files.add(format!("infra/services/{service}.yaml"), cfn::document(&stack.template)?);
        stacks.push(stack);
    }
    files.add("infra/services/data.yaml", cfn::document(&data::template())?);
    files.add("infra/services/alarms.yaml", cfn::document(&alarms::template(rows)?)?);
    files.add("template.yaml", cfn::document(&root::template(&stacks, rows)?)?);
    files.add("infra/api/openapi.json", files::pretty(&openapi::document(api)?)?);
    for (event_type, schema) in event_schemas::all() {
        files.add(format!("events/schemas/{event_type}.json"), files::pretty(&schema)?);
    }
    Ok(files)
}
