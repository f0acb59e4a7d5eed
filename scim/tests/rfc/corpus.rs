//! The texts that the fuzz targets (`fuzz/`) begin with and what they found, asked of the same laws.

use std::fs;
use std::panic;
use std::path::Path;

use crate::laws;

/// Every text of `target`'s corpus; bytes that are no UTF-8 get to no reader.
fn replay(target: &str, law: fn(&str)) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let mut count = 0;
    for entry in fs::read_dir(&corpus).expect("the target's corpus") {
        let file = entry.expect("an entry of the corpus").path();
        let bytes = fs::read(&file).expect("a readable text");
        let Ok(text) = str::from_utf8(&bytes) else { continue };
        let kept = panic::catch_unwind(|| law(text));
        assert!(kept.is_ok(), "{} breaks a law, as said above", file.display());
        count += 1;
    }
    assert!(count >= 10, "{count} texts of {target} are too few: is the corpus there?");
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
