//! What the directory does by itself.

mod clean_up;
pub(crate) mod domain_checks;

pub(crate) use clean_up::clear_expired;
pub(crate) use domain_checks::check_domains;
