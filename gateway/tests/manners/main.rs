//! The gateway's manners, against a directory that stands in for the real one.

mod answers;
mod authentication;
mod requests;
mod secrets;
mod stand_in;
