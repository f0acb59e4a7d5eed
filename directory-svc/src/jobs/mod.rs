//! What the directory does by itself, a file a job. Each runs for as long as it is polled.

mod clear_expired;
mod deliver_notices;
mod remind_of_keys;

pub(crate) use clear_expired::clear_expired;
pub(crate) use deliver_notices::deliver_notices;
pub(crate) use remind_of_keys::remind_of_keys;
