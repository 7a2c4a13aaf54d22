//! A load generator for a gateway: thousands of clients in one process and one thread, and messages
//! posted to them. `mix guildhall.load` runs it; `--help` says what it can.

mod client;
mod driver;
mod failure;
mod frame;
mod histogram;
mod http;
mod json;
mod link;
mod message;
mod meter;
mod options;
mod payload;
mod poster;
mod run;
mod scenario;
mod stream;
mod tally;

use std::env;
use std::process::ExitCode;

use options::{HELP, Options};
use scenario::Scenario;

fn main() -> ExitCode {
    if env::args().skip(1).any(|argument| argument == "--help" || argument == "-h") {
        println!("{HELP}");
        return ExitCode::SUCCESS;
    }
    match Options::parse(env::args().skip(1)).and_then(Scenario::new).and_then(Scenario::run) {
        Ok(result) => {
            println!("{result}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("load: {failure}");
            ExitCode::FAILURE
        }
    }
}
