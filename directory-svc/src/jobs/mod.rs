//! What the directory does by itself.

mod clean_up;
pub(crate) mod domain_checks;
mod status;

pub(crate) use clean_up::clear_expired;
pub(crate) use domain_checks::check_domains;
pub(crate) use status::keep_status;
