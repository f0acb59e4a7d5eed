//! The programs in `examples/`, built as its README says.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout};

use super::terminal::Operated;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// What `./test` installs for them.
const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/tools/examples/bin/python");
const NODE_MODULES: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/target/tools/typescript/node_modules");

/// In which they are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    Rust,
    Python,
    TypeScript,
}

/// Those of one language, ready to run.
pub(crate) struct Examples {
    language: Language,
    folder: TempDir,
}

impl Examples {
    /// Builds them, beside the contract as in the repository, so that nothing is written there.
    pub(crate) fn built(language: Language) -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        symlink(Path::new(ROOT).join("proto"), folder.path().join("proto")).expect("a link");
        let it = Self { language, folder };
        match language {
            // Cargo builds examples with the tests.
            Language::Rust => {}
            Language::Python => it.generate_in_python(),
            Language::TypeScript => it.compile_typescript(),
        }
        it
    }

    /// Lays a program beside them that is none of them.
    pub(crate) fn with(self, name: &str, program: &str) -> Self {
        fs::write(self.place().join(name), program).expect("a file");
        self
    }

    /// Runs one to its end, against this directory and with this credential.
    pub(crate) async fn run(
        &self,
        name: &str,
        arguments: &[&str],
        at: (SocketAddr, &str),
    ) -> Operated {
        let mut example = self.example(name, arguments, at);
        let running = tokio::task::spawn_blocking(move || example.output().expect("it runs"));
        running.await.expect("its end").into()
    }

    /// Starts one, which is killed when the answer is dropped. Answers what it says, line by line.
    pub(crate) fn start(
        &self,
        name: &str,
        arguments: &[&str],
        at: (SocketAddr, &str),
    ) -> (Child, Lines<BufReader<ChildStdout>>) {
        let mut example = tokio::process::Command::from(self.example(name, arguments, at));
        let mut child = example.stdout(Stdio::piped()).kill_on_drop(true).spawn().expect("it runs");
        let says = child.stdout.take().expect("a pipe");
        (child, BufReader::new(says).lines())
    }

    fn example(
        &self,
        name: &str,
        arguments: &[&str],
        (directory, credential): (SocketAddr, &str),
    ) -> Command {
        let mut example = match self.language {
            Language::Rust => Command::new(rust(name)),
            Language::Python => {
                let mut python = Command::new(PYTHON);
                python.arg(self.place().join(format!("{name}.py")));
                python
            }
            Language::TypeScript => {
                let mut node = Command::new("node");
                node.arg(self.place().join(format!("build/{name}.js")));
                node
            }
        };
        example
            .args(arguments)
            .env("NESTR_SCIM_DIRECTORY", format!("http://{directory}"))
            .env("NESTR_SCIM_CREDENTIAL", credential);
        example
    }

    fn place(&self) -> PathBuf {
        let name = if self.language == Language::Python { "python" } else { "typescript" };
        self.folder.path().join("examples").join(name)
    }

    fn copy(&self) {
        let place = self.place();
        fs::create_dir_all(&place).expect("a folder");
        let name = place.file_name().expect("its name");
        for entry in fs::read_dir(Path::new(ROOT).join("examples").join(name)).expect("examples") {
            let entry = entry.expect("a file");
            if entry.path().is_file() {
                fs::copy(entry.path(), place.join(entry.file_name())).expect("a copy");
            }
        }
    }

    fn generate_in_python(&self) {
        is_installed(PYTHON);
        self.copy();
        let arguments = "-I ../../proto --python_out=. --pyi_out=. --grpc_python_out=.";
        let contract = "../../proto/nestr/directory/v1/*.proto";
        let protoc = format!("{PYTHON} -m grpc_tools.protoc {arguments} {contract}");
        self.done(Command::new("sh").args(["-c", &protoc]));
    }

    fn compile_typescript(&self) {
        is_installed(NODE_MODULES);
        self.copy();
        symlink(NODE_MODULES, self.place().join("node_modules")).expect("a link");
        self.done(Command::new("npm").args(["run", "--silent", "build"]));
    }

    fn done(&self, command: &mut Command) {
        let output = command.current_dir(self.place()).output();
        let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        assert!(output.status.success(), "{command:?}: {output:?}");
    }
}

fn is_installed(path: &str) {
    assert!(Path::new(path).exists(), "there is no {path}: ./test installs it");
}

/// Where Cargo puts an example: beside the folder of this test.
fn rust(name: &str) -> PathBuf {
    let this = std::env::current_exe().expect("the path of this test");
    let built = this.ancestors().nth(2).expect("Cargo's folder").join("examples").join(name);
    assert!(built.is_file(), "there is no {}: cargo build --examples", built.display());
    built
}
