//! Operators at their terminals: with stock grpcurl, and with the command line of the binary.

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

use super::Nestr;
use super::binary::command;

/// grpcurl as `./test` installs it, or as the environment variable GRPCURL names it.
#[expect(clippy::disallowed_methods, reason = "where a tool of the tests is, not configuration")]
pub(crate) fn grpcurl() -> PathBuf {
    let pinned = concat!(env!("CARGO_MANIFEST_DIR"), "/target/tools/bin/grpcurl");
    let path = std::env::var_os("GRPCURL").map_or_else(|| pinned.into(), PathBuf::from);
    assert!(
        path.is_file(),
        "there is no grpcurl at {}: ./test installs it, or name yours in GRPCURL",
        path.display()
    );
    path
}

/// A command of the binary with these words and this environment, not run yet.
pub(crate) fn nestr_scim(words: &[&str], environment: &[(&str, &str)]) -> Command {
    let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
    let mut command = command(&words);
    command.envs(environment.iter().copied());
    command
}

/// An operator at the terminal.
pub(crate) struct Terminal {
    nestr: Nestr,
    credential: String,
}

impl Terminal {
    /// Whoever holds the credential that the data directory has.
    pub(crate) fn of(nestr: &Nestr) -> Self {
        Self::with(nestr, &nestr.demo().operator_credential)
    }

    /// The same of a directory without a demo workspace.
    pub(crate) fn of_directory(nestr: &Nestr) -> Self {
        let path = nestr.data_dir().join("operator.credential");
        let credential = std::fs::read_to_string(path).expect("the operator's credential");
        Self::with(nestr, credential.trim())
    }

    /// Whoever holds this credential.
    pub(crate) fn with(nestr: &Nestr, credential: &str) -> Self {
        Self { nestr: nestr.clone(), credential: credential.to_owned() }
    }

    /// Runs grpcurl without a credential.
    pub(crate) fn run(nestr: &Nestr, options: &[&str], command: &[&str]) -> Output {
        let mut grpcurl = Command::new(grpcurl());
        grpcurl.arg("-plaintext").args(options).arg(nestr.grpc().to_string()).args(command);
        grpcurl.output().expect("grpcurl runs")
    }

    /// Calls a method of a service of the contract; an error is what grpcurl prints of it.
    pub(crate) fn call(&self, method: &str, message: &Value) -> Result<Value, String> {
        let authorization = format!("authorization: Bearer {}", self.credential);
        let (message, method) = (message.to_string(), format!("nestr.directory.v1.{method}"));
        let options = ["-H", &authorization, "-d", &message];
        let output = Self::run(&self.nestr, &options, &[&method]);
        if output.status.success() {
            Ok(serde_json::from_slice(&output.stdout).expect("JSON"))
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }

    /// The google.rpc.Status with which a method refuses what is asked, with this metadata beside.
    pub(crate) fn refused(
        nestr: &Nestr,
        metadata: &[&str],
        method: &str,
        message: &Value,
    ) -> Value {
        let (message, method) = (message.to_string(), format!("nestr.directory.v1.{method}"));
        let mut options = vec!["-format-error", "-d", &message];
        options.extend(metadata.iter().flat_map(|&line| ["-H", line]));
        let output = Self::run(nestr, &options, &[&method]);
        assert!(!output.status.success(), "{method} {message} was done");
        serde_json::from_slice(&output.stderr).unwrap_or_else(|error| {
            panic!("{error}: {method} {message}: {}", String::from_utf8_lossy(&output.stderr))
        })
    }

    /// Runs `nestr-scim operator` with these words, the credential in the environment.
    pub(crate) fn operate(&self, words: &[&str]) -> Operated {
        let mut command = operator(words);
        command
            .env("NESTR_SCIM_DIRECTORY", format!("http://{}", self.nestr.grpc()))
            .env("NESTR_SCIM_OPERATOR_CREDENTIAL", &self.credential);
        command.output().expect("the binary runs").into()
    }

    /// The same with nothing in the environment: the words say where the directory is, and who calls.
    pub(crate) fn operate_by_words(words: &[&str]) -> Operated {
        operator(words).output().expect("the binary runs").into()
    }
}

fn operator(words: &[&str]) -> Command {
    let words = ["operator"].iter().chain(words).map(|&word| word.to_owned());
    command(&words.collect::<Vec<_>>())
}

/// What a run of the command line came to.
pub(crate) struct Operated {
    /// What it ended with.
    pub(crate) code: i32,
    /// What it answered.
    pub(crate) out: String,
    /// What it complained of.
    pub(crate) err: String,
}

impl From<Output> for Operated {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        Self {
            code: output.status.code().expect("it ends by itself"),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }
}

impl Operated {
    /// What it answered; it was done.
    pub(crate) fn done(self) -> String {
        assert_eq!((self.code, self.err.as_str()), (0, ""), "{}", self.out);
        self.out
    }

    /// The one JSON document that it answered.
    pub(crate) fn json(self) -> Value {
        serde_json::from_str(&self.done()).expect("one JSON document")
    }
}
