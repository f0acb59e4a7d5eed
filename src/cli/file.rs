//! The file of settings. What it says becomes the default of the flag of the same name, so that
//! there is one parser and one order: flag, environment, file, default.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, bail, ensure};
use clap::{ArgAction, Command};
use toml::{Table, Value};

/// The setting that names the file, and its environment variable.
const SETTING: &str = "config";

/// `command` with the file's values as defaults, if `words` or the environment name a file.
///
/// # Errors
/// When the file cannot be read, or holds a name that no command has, or a value of no use.
pub(super) fn with_defaults(command: Command, words: &[OsString]) -> anyhow::Result<Command> {
    let Some(path) = path(&command, words) else {
        return Ok(command);
    };
    let named = || format!("--config (NESTR_SCIM_CONFIG) is {}", path.display());
    let text = fs::read_to_string(&path).with_context(named)?;
    let table: Table = text.parse().with_context(named)?;
    let takes = |c: &Command, key: &str| has(c, SETTING) && has(c, key);
    let known = |key: &str| has(&command, key) || command.get_subcommands().any(|c| takes(c, key));
    for (key, value) in &table {
        ensure!(known(key) && key != SETTING, "{}: there is no setting {key:?}", named());
        text_of(value).with_context(|| format!("{}: {key}", named()))?;
    }
    let subcommands: Vec<String> =
        command.get_subcommands().map(|c| c.get_name().to_owned()).collect();
    let command = filled(command, &table);
    Ok(subcommands.iter().fold(command, |command, name| {
        command.mut_subcommand(name, |subcommand| filled(subcommand, &table))
    }))
}

/// The file that is named, wherever in the words that stands. What else is wrong with them is for
/// the real parser to say.
fn path(command: &Command, words: &[OsString]) -> Option<PathBuf> {
    let matches = command.clone().ignore_errors(true).try_get_matches_from(words).ok()?;
    let matches = matches.subcommand().map_or(&matches, |(_, matches)| matches);
    matches.try_get_one::<PathBuf>(SETTING).ok()?.cloned()
}

fn has(command: &Command, key: &str) -> bool {
    command.get_arguments().any(|argument| argument.get_long() == Some(key))
}

/// The command with the values of the table in place of its own defaults.
fn filled(command: Command, table: &Table) -> Command {
    command.mut_args(|argument| {
        let value = argument.get_long().and_then(|long| table.get(long));
        match value.and_then(|value| text_of(value).ok()) {
            Some(text) if matches!(argument.get_action(), ArgAction::SetTrue) => {
                argument.default_value(text)
            }
            Some(text) => argument.required(false).default_value(text),
            None => argument,
        }
    })
}

/// A value as it would stand behind its flag; a list is separated by commas.
fn text_of(value: &Value) -> anyhow::Result<String> {
    Ok(match value {
        Value::String(text) => text.clone(),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Boolean(is) => is.to_string(),
        Value::Array(values) => {
            values.iter().map(text_of).collect::<anyhow::Result<Vec<_>>>()?.join(",")
        }
        Value::Datetime(_) | Value::Table(_) => {
            bail!("a text, a number, true, false or a list of these is needed")
        }
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::tests::read;
    use super::super::{Command, DirectoryConfig};

    fn written(text: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("nestr.toml"), text).unwrap();
        dir
    }

    fn in_file(text: &str, arguments: &str) -> Result<Command, String> {
        let dir = written(text);
        let path = dir.path().join("nestr.toml");
        read(&format!("{arguments} --config {}", path.display()))
    }

    fn directory(command: Command) -> DirectoryConfig {
        match command {
            Command::Serve(config) => config.directory,
            Command::Directory(config) => config.directory,
            other => panic!("{other:?}"),
        }
    }

    /// Seen to fail with the file's values set over the flags'.
    #[test]
    fn a_file_stands_behind_flags_and_before_defaults() {
        let text = "data-dir = \"/srv/nestr\"\ntombstone-days = 7\nno-demo = true\n\
                    demo = [\"a.example\", \"b.example\"]\n";
        for command in ["", "serve", "directory"] {
            let config = directory(in_file(text, command).unwrap());
            assert_eq!(config.data_dir(), Path::new("/srv/nestr"));
            assert_eq!(config.tombstone_days, 7);
            assert!(config.no_demo);
            assert_eq!(config.demo_domains(), ["a.example", "b.example"]);
            assert_eq!(config.grpc.port(), 50051, "what the file does not say");
        }
        let config = directory(in_file(text, "directory --tombstone-days 8").unwrap());
        assert_eq!((config.tombstone_days, config.no_demo), (8, true));
    }

    #[test]
    fn one_file_may_serve_both_halves() {
        let text = "directory = \"http://127.0.0.1:1\"\nbody-limit = 4096\ntombstone-days = 7\n";
        match in_file(text, "gateway").unwrap() {
            Command::Gateway(config) => {
                assert_eq!(config.remote.directory, ["http://127.0.0.1:1"]);
                assert_eq!(config.rest.gateway.body_limit, 4096);
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(directory(in_file(text, "directory").unwrap()).tombstone_days, 7);
    }

    #[test]
    fn what_is_wrong_in_a_file_is_refused_by_its_name() {
        for (text, name) in [
            ("no-such-setting = 1", "no-such-setting"),
            ("url = \"https://scim.example.com\"", "url"), // of `simulate`, which takes no file
            ("config = \"other.toml\"", "config"),
            ("tombstone-days = 0", "--tombstone-days"),
            ("http = \"localhost\"", "--http"),
            ("log = { level = \"info\" }", "log"),
            ("this is no TOML", "--config"),
        ] {
            let refused = in_file(text, "").unwrap_err();
            assert!(refused.contains(name), "{text}: {refused}");
        }
        assert!(read("--config /nowhere/at/all").unwrap_err().contains("--config"));
    }
}
