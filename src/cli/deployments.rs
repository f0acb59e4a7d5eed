//! What `deploy/` says is what the program takes: each name, in the command that has it, with a value that it
//! reads, at the ports that the image opens.
//!
//! The files are read line by line, so they are written with a setting a line and the command before them.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, Command, CommandFactory};

use super::Cli;

/// A setting as it stands in a file. `None`: the value comes from elsewhere.
type Setting = (String, Option<String>);

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(deploy().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every file that is kept of the folder, with its path within.
fn files(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("secrets") {
            files.extend(self::files(&path));
        } else if path.is_file() && !path.ends_with(".env") {
            let text = std::fs::read_to_string(&path).unwrap();
            files.push((path.strip_prefix(deploy()).unwrap().to_owned(), text));
        }
    }
    files.sort();
    files
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml")
}

fn built() -> Command {
    let mut cli = Cli::command();
    cli.build();
    cli
}

/// The argument of this environment variable.
fn argument<'a>(command: &'a Command, variable: &str) -> Option<&'a Arg> {
    command.get_arguments().find(|a| a.get_env().is_some_and(|env| env == variable))
}

/// Whether the command has it: as an argument, or as the secret that an argument names the file of.
fn takes(command: &Command, variable: &str) -> bool {
    argument(command, variable).or(argument(command, &format!("{variable}_FILE"))).is_some()
}

/// The names of settings in a line, wherever they stand.
fn names(line: &str) -> impl Iterator<Item = &str> {
    let is_part = |c: char| c.is_ascii_uppercase() || c == '_';
    line.split(move |c| !is_part(c)).filter(|word| word.starts_with("NESTR_SCIM_"))
}

/// The settings that lines set.
fn settings(text: &str) -> Vec<Setting> {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    lines.filter_map(setting).collect()
}

/// `NAME: value`, `- {name: NAME, value: value}`, or `- name: NAME` whose value comes from elsewhere.
fn setting(line: &str) -> Option<Setting> {
    let flow = line.strip_prefix("- {name: ").map(|line| line.trim_end_matches('}'));
    let (name, value) = match (flow, line.strip_prefix("- name: ")) {
        (Some(entry), _) => entry.split_once(", value: ")?,
        (_, Some(name)) => (name, ""),
        _ => line.split_once(':')?,
    };
    let value = value.trim().trim_matches('"');
    let default = value.strip_prefix("${").and_then(|value| value.split_once(":-"));
    let value = default.map_or(value, |(_, default)| default.trim_end_matches('}'));
    let is_name = names(name).next() == Some(name);
    is_name.then(|| (name.to_owned(), (!value.is_empty()).then(|| value.to_owned())))
}

/// A run of the program, as a file says it.
#[derive(Debug)]
struct Run {
    file: PathBuf,
    words: Vec<String>,
    settings: Vec<Setting>,
}

/// The list behind the key of a line: `args: [gateway]`.
fn list<'a>(line: &'a str, key: &str) -> Option<Vec<&'a str>> {
    let list = line.trim().strip_prefix(key)?.strip_prefix(": [")?.strip_suffix(']')?;
    Some(list.split(", ").collect())
}

/// Lines from the one at `from` on that are as far to the right, at least.
fn block(text: &str, from: usize) -> String {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let lines: Vec<_> = text.lines().skip(from).collect();
    let least = indent(lines[0]);
    let is_within = |line: &&&str| line.trim().is_empty() || indent(line) >= least;
    lines.iter().take_while(is_within).copied().collect::<Vec<_>>().join("\n")
}

/// The lines under this one.
fn under(text: &str, head: &str) -> String {
    let at = text.lines().position(|line| line == head).unwrap_or_else(|| panic!("{head}"));
    block(text, at + 1)
}

/// The words behind the program's name, where a line begins to run it: the arguments of a container of
/// Kubernetes, the entrypoint of a service of Compose, or its command.
fn words<'a>(line: &'a str, cli: &Command) -> Option<Vec<&'a str>> {
    if let Some(entrypoint) = list(line, "entrypoint") {
        return entrypoint.strip_prefix(&["/nestr-scim"]).map(<[_]>::to_vec);
    }
    let command = list(line, "command");
    let ours = command.filter(|words| cli.find_subcommand(words[0]).is_some());
    ours.or(list(line, "args"))
}

/// Every run of the program in the YAML files.
fn runs() -> Vec<Run> {
    let (cli, mut runs) = (built(), Vec::new());
    for (file, text) in files(&deploy()).into_iter().filter(|(file, _)| is_yaml(file)) {
        for (at, line) in text.lines().enumerate() {
            if let Some(words) = words(line, &cli) {
                let command = cli.find_subcommand(words[0]).unwrap_or_else(|| panic!("{line}"));
                let settings = given(&text, &block(&text, at), command);
                let words = words.into_iter().map(str::to_owned).collect();
                runs.push(Run { file: file.clone(), words, settings });
            }
        }
    }
    runs
}

/// What a command is given by the block that runs it: what stands there, what that refers to, and what the image
/// sets beside it.
fn given(text: &str, block: &str, command: &Command) -> Vec<Setting> {
    let mut given = settings(block);
    if block.contains("*store") {
        given.extend(settings(&under(text, "x-store: &store")));
    }
    if let Some((_, map)) = block.split_once("configMapRef: {name: ") {
        given.extend(config_map(map.split('}').next().unwrap()));
    }
    for line in block.lines() {
        if let Some((_, from)) = line.split_once("configMapKeyRef: {name: ") {
            let (map, key) = from.trim_end_matches('}').split_once(", key: ").unwrap();
            given.retain(|(name, _)| name != key);
            given.extend(config_map(map).into_iter().filter(|(name, _)| name == key));
        }
    }
    let mut of_image = image();
    of_image.retain(|(name, _)| takes(command, name) && !given.iter().any(|(set, _)| set == name));
    given.extend(of_image);
    given
}

/// What the image sets.
fn image() -> Vec<Setting> {
    let text = read("Dockerfile");
    let words = text.split_whitespace().filter_map(|word| word.split_once('='));
    let settings = words.filter(|(name, _)| name.starts_with("NESTR_SCIM_"));
    settings.map(|(name, value)| (name.to_owned(), Some(value.to_owned()))).collect()
}

/// What a `ConfigMap` of this name sets.
fn config_map(name: &str) -> Vec<Setting> {
    let text = read("kubernetes/foundation/settings.yaml");
    let named = format!("\n  name: {name}\n");
    let map = text.split("---\n").find(|map| map.contains(&named));
    settings(map.unwrap_or_else(|| panic!("no ConfigMap {name}")))
}

/// The port that a setting of the image opens.
fn port(name: &str) -> String {
    let image = image();
    let (_, value) = image.iter().find(|(set, _)| set == name).expect("the image sets it");
    value.as_deref().and_then(|value| value.rsplit_once(':')).expect("an address").1.to_owned()
}

/// Seen to fail with a letter of a name changed, in a manifest and in the guide.
#[test]
fn every_setting_in_the_deployments_is_one_of_the_program() {
    let cli = built();
    let mut unknown = BTreeSet::new();
    for (file, text) in files(&deploy()) {
        for name in text.lines().flat_map(names) {
            if !cli.get_subcommands().any(|command| takes(command, name)) {
                unknown.insert(format!("{}: {name}", file.display()));
            }
        }
    }
    assert!(unknown.is_empty(), "{unknown:#?}");
}

/// Each container's command takes each of its settings, and would start with them. Seen to fail with the gateway
/// given Redis, with the port of an address left out, and with the public URL taken away.
#[test]
fn every_container_is_given_what_its_command_takes() {
    let (cli, mut refused) = (built(), Vec::new());
    let runs = runs();
    for Run { file, words, settings } in &runs {
        let command = cli.find_subcommand(&words[0]).expect("a command");
        let mut words: Vec<OsString> = std::iter::once("nestr-scim")
            .chain(words.iter().map(|w| &**w))
            .map(Into::into)
            .collect();
        for (name, value) in settings {
            let Some(argument) = argument(command, name) else {
                if !takes(command, name) {
                    refused.push(format!("{}: {words:?} {name}", file.display()));
                }
                continue;
            };
            let (Some(long), Some(value)) = (argument.get_long(), value) else { continue };
            words.push(format!("--{long}").into());
            match argument.get_action() {
                ArgAction::SetTrue => assert_eq!(value, "true", "{name}"),
                _ => words.push(value.into()),
            }
        }
        if command.get_name() == "operator" {
            words.extend(["domain", "pending"].map(Into::into));
        }
        let checked = Cli::from_words(words).and_then(|command| command.check());
        if let Err(error) = checked {
            refused.push(format!("{}: {error:#}", file.display()));
        }
    }
    assert!(refused.is_empty(), "{refused:#?}");
    let commands: Vec<_> = runs.iter().map(|run| &*run.words[0]).collect();
    let kubernetes = ["directory", "gateway", "migrate"];
    let compose = ["gateway", "directory", "migrate", "operator"];
    assert_eq!(commands, [&compose[..], &kubernetes].concat());
}

/// Seen to fail with one digit changed in each of the kinds of places.
#[test]
fn the_ports_are_those_of_the_image() {
    let [http, grpc, ops] = ["HTTP", "GRPC", "OPS"].map(|name| port(&format!("NESTR_SCIM_{name}")));
    assert!(read("Dockerfile").contains(&format!("\nEXPOSE {http} {grpc} {ops}\n")));
    assert!(read("Caddyfile").contains(&format!("dynamic a gateway {http} ")));
    let stores = ["53", "465", "587", "5432", "6379"].map(str::to_owned);
    for (file, text) in files(&deploy()) {
        for line in text.lines() {
            let number = |before: &str| {
                let (_, behind) = line.split_once(before)?;
                let digits = behind.trim_start_matches('"').split(|c: char| !c.is_ascii_digit());
                digits.into_iter().next().filter(|digits| !digits.is_empty())
            };
            for (before, port) in [
                ("name: http, containerPort: ", &http),
                ("name: grpc, containerPort: ", &grpc),
                ("name: ops, containerPort: ", &ops),
                ("name: grpc, port: ", &grpc),
                ("prometheus.io/port: ", &ops),
                ("//directory:", &grpc),
            ] {
                let said = number(before);
                assert!(said.is_none_or(|said| said == port), "{}: {line}", file.display());
            }
            let is_known =
                |port: &str| [&http, &grpc, &ops].into_iter().chain(&stores).any(|p| p == port);
            let allowed = number("{port: ").filter(|_| file.ends_with("network-policies.yaml"));
            assert!(allowed.is_none_or(is_known), "{}: {line}", file.display());
        }
    }
}

/// Seen to fail with an older one in each of the files.
#[test]
fn the_image_is_of_this_version() {
    let version = env!("CARGO_PKG_VERSION");
    for (file, says) in [
        ("Dockerfile", format!("\nARG VERSION={version}\n")),
        ("Dockerfile", format!(" --tag nestr-scim:{version} ")),
        ("compose.yaml", format!("\n  image: nestr-scim:{version}\n")),
        ("kubernetes/kustomization.yaml", format!("\n    newTag: {version}\n")),
        ("kubernetes/migrate/kustomization.yaml", format!("\n    newTag: {version}\n")),
    ] {
        assert!(read(file).contains(&says), "{file} does not say {says:?}");
    }
}

/// Seen to fail with a file left out, and with one named that is not there.
#[test]
fn every_manifest_is_in_its_kustomization() {
    let all = files(&deploy().join("kubernetes"));
    let folders: BTreeSet<_> = all.iter().filter_map(|(file, _)| file.parent()).collect();
    assert_eq!(folders.len(), 3, "{folders:?}");
    for folder in folders {
        let lists = read(&folder.join("kustomization.yaml").display().to_string());
        let listed = lists.lines().filter_map(|line| line.strip_prefix("  - "));
        let listed: BTreeSet<_> = listed.filter(|entry| is_yaml(Path::new(entry))).collect();
        let here = all.iter().filter(|(file, _)| file.parent() == Some(folder));
        let here: BTreeSet<_> = here
            .filter_map(|(file, _)| file.file_name()?.to_str())
            .filter(|name| *name != "kustomization.yaml")
            .collect();
        assert_eq!(listed, here, "{}", folder.display());
    }
}
