//! `docs/configuration.md`, written from the command line's own words.

use std::fmt::Write as _;
use std::path::Path;

use clap::{Arg, ArgAction, Command, CommandFactory};

use super::Cli;

/// The commands that are configured, in the order of the document's columns.
const COMMANDS: [&str; 3] = ["serve", "directory", "gateway"];

const HEAD: &str = "\
# Configuration

Each setting has one name: `--data-dir` as a flag, `NESTR_SCIM_DATA_DIR` in the environment,
`data-dir` in a TOML file that `--config` (`NESTR_SCIM_CONFIG`) names. A flag goes before the
environment, the environment before the file, the file before the default. One file may serve
several commands: each takes what it knows, and a name that none knows is refused.

```toml
data-dir = \"/var/lib/nestr-scim\"
grpc = \"10.0.0.7:50051\"
public-url = \"https://scim.example.com\"
demo = [\"example.com\", \"example.org\"]
```

Secrets stand in files of their own, which settings ending in `-file` name, or in the environment
variable without `_FILE`; never on the command line, which other users of the machine can read.

This page is written from the program's own words by the test
`the_document_says_what_the_program_takes`.
";

/// All settings, each once, with the commands that take it.
fn document() -> String {
    let mut cli = Cli::command();
    cli.build();
    let commands = COMMANDS.map(|name| cli.find_subcommand(name).expect("a command").clone());
    let mut names: Vec<&str> = Vec::new();
    for long in commands.iter().flat_map(Command::get_arguments).filter_map(Arg::get_long) {
        if !names.contains(&long) && long != "help" {
            names.push(long);
        }
    }
    let mut text = HEAD.to_owned();
    for name in names {
        let takes = |command: &&Command| has(command, name);
        let by: Vec<_> =
            commands.iter().filter(takes).map(|c| format!("`{}`", c.get_name())).collect();
        let command = commands.iter().find(takes).expect("somebody takes it");
        let argument =
            command.get_arguments().find(|a| a.get_long() == Some(name)).expect("it is there");
        let value = match argument.get_action() {
            ArgAction::SetTrue => "`true` or `false`".to_owned(),
            _ => argument
                .get_value_names()
                .map_or_else(String::new, |names| format!("`{}`", names[0])),
        };
        let default = argument.get_default_values().first().map(|d| d.to_string_lossy());
        let env = argument.get_env().map(|env| env.to_string_lossy()).unwrap_or_default();
        let help = argument.get_long_help().or(argument.get_help()).expect("a help text");
        let _ = write!(text, "\n## `{name}`\n\n{help}.\n\n| | |\n| --- | --- |\n");
        let _ = writeln!(text, "| of | {} |", by.join(", "));
        let _ = writeln!(text, "| environment | `{env}` |");
        let _ = writeln!(text, "| value | {value} |");
        match default {
            Some(default) if default != "false" => {
                let _ = writeln!(text, "| default | `{default}` |");
            }
            _ if argument.is_required_set() => {
                text.push_str("| default | none: it has to be given |\n");
            }
            _ => {}
        }
    }
    text
}

fn has(command: &Command, long: &str) -> bool {
    command.get_arguments().any(|argument| argument.get_long() == Some(long))
}

/// Fails once after a change of a setting, and writes the document anew.
#[test]
fn the_document_says_what_the_program_takes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    let (is, should) = (std::fs::read_to_string(&path).unwrap_or_default(), document());
    if is != should {
        std::fs::write(&path, should).unwrap();
        panic!("docs/configuration.md was behind and is written anew: look at it, and keep it");
    }
}

/// Each setting can be given in every way, and says what it does.
#[test]
fn every_setting_has_its_environment_variable_and_its_help() {
    let mut cli = Cli::command();
    cli.build();
    for command in COMMANDS.map(|name| cli.find_subcommand(name).expect("a command")) {
        for argument in command.get_arguments().filter(|a| a.get_long() != Some("help")) {
            let long = argument.get_long().expect("a long name");
            let env = format!("NESTR_SCIM_{}", long.to_uppercase().replace('-', "_"));
            assert_eq!(argument.get_env().and_then(|e| e.to_str()), Some(&*env), "--{long}");
            assert!(argument.get_help().is_some(), "--{long}");
        }
    }
}
