//! `book-builder SOURCE OUTPUT`: the folder with book.toml, and where the pages go.

use std::path::PathBuf;
use std::process::ExitCode;

use mdbook_driver::MDBook;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(source), Some(output)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: book-builder SOURCE OUTPUT");
        return ExitCode::from(2);
    };
    let built = MDBook::load(&source).and_then(|mut book| {
        book.config.build.build_dir = output;
        book.build()
    });
    match built {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ERROR: {error:#}");
            ExitCode::FAILURE
        }
    }
}
