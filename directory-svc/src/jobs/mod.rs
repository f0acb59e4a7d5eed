//! What the directory does by itself, a file a job. Each runs for as long as it is polled.

mod clean_up;
mod deliver_notices;
pub(crate) mod domain_checks;
mod receipts;
mod remind_of_keys;
mod status;
pub(crate) mod waiting;

pub(crate) use clean_up::clear_expired;
pub(crate) use deliver_notices::deliver_notices;
pub(crate) use domain_checks::check_domains;
pub(crate) use receipts::follow_receipts;
pub(crate) use remind_of_keys::remind_of_keys;
pub(crate) use status::keep_status;
pub(crate) use waiting::sign_in_the_waiting;
