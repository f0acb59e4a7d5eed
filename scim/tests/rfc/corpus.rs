//! The texts that the fuzz targets (`fuzz/`) begin with and what they found, asked of the same laws.

use std::fs;
use std::path::Path;

use crate::laws;

/// Every text of `target`'s corpus; bytes that are no UTF-8 get to no reader.
fn replay(target: &str, law: fn(&str)) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let entries = fs::read_dir(&corpus).unwrap_or_else(|error| panic!("{corpus:?}: {error}"));
    let mut count = 0;
    for entry in entries {
        let file = entry.unwrap().path();
        let bytes = fs::read(&file).unwrap();
        if let Ok(text) = str::from_utf8(&bytes) {
            // The name of the file is what a failure is found by.
            println!("{}", file.display());
            law(text);
            count += 1;
        }
    }
    assert!(count >= 10, "{count} texts in {corpus:?}");
}

#[test]
fn every_filter_found_keeps_the_laws() {
    replay("filter", laws::filter);
}

#[test]
fn every_path_found_keeps_the_laws() {
    replay("path", laws::path);
}

#[test]
fn every_patch_found_keeps_the_laws() {
    replay("patch", laws::patch);
}

#[test]
fn every_body_found_keeps_the_laws() {
    replay("body", laws::body);
}
