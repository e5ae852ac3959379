//! Writes what follows from the table of endpoints and consumers: the nested stacks with their roles, the API's
//! description, the schemas of events and first samples of requests. With `--check` it writes nothing and fails when
//! a file is stale, missing or left over, or when the source tree and the table disagree.
//!
//! Run by `scripts/gen`. It must not know any one service: everything comes from `contracts::endpoints()` and
//! `contracts::consumers()`.

mod api;
mod cfn;
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

use std::{path::Path, process::ExitCode};

use files::Files;
use model::Function;

/// What went wrong, for the person who ran it.
type Result<T> = std::result::Result<T, String>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let check = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => false,
        ["--check"] => true,
        _ => {
            eprintln!("usage: scripts/gen [--check]");
            return ExitCode::from(2);
        }
    };
    match run(check) {
        Ok(problems) if problems.is_empty() => ExitCode::SUCCESS,
        Ok(problems) => {
            for problem in problems {
                eprintln!("{problem}");
            }
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("scripts/gen: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Writes, or says what is wrong; nothing is wrong where the list is empty.
fn run(check: bool) -> Result<Vec<String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let root = root.canonicalize().map_err(|error| format!("{}: {error}", root.display()))?;
    let functions = model::all()?;
    let api = api::Api::new()?;
    let files = generate(&functions, &api)?;
    if !check {
        files.write(&root)?;
        samples::write_missing(&root, &api)?;
        return Ok(Vec::new());
    }
    let mut problems = files.check(&root)?;
    problems.extend(tree::check(&root, &functions)?);
    problems.extend(dependencies::check(&root)?);
    problems.extend(samples::check(&root, &api)?);
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
