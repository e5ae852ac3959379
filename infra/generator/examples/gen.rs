//! The generator as a command; `scripts/gen` runs it.

use std::{path::Path, process::ExitCode};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => generator::write(&root).map(|()| Vec::new()),
        ["--check"] => generator::check(&root),
        ["--check", "--uses", folder] => generator::check(&root).and_then(|mut problems| {
            problems.extend(generator::check_uses(Path::new(folder))?);
            Ok(problems)
        }),
        _ => {
            eprintln!("usage: scripts/gen [--check [--uses FOLDER]]");
            return ExitCode::from(2);
        }
    };
    match outcome {
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
