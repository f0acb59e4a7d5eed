//! See `laws::patch`.
#![no_main]

#[path = "../../scim/tests/rfc/laws.rs"]
mod laws;

libfuzzer_sys::fuzz_target!(|text: &str| laws::patch(text));
