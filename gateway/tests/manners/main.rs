//! The gateway's manners, against a directory that stands in for the real one.

mod answers;
mod authentication;
mod groups;
mod requests;
mod secrets;
mod stand_in;
mod stand_in_groups;
