//! What identity providers send, and whether a SCIM server answers it right.
//!
//! - [`Dialect`], [`Idp`]: the bytes of each provider, for whoever wants to send them
//! - [`play`]: a provider's whole cycle against any server, by SCIM over HTTP alone
//! - [`Report`]: what the server got wrong, and why that is wrong
//!
//! Nothing here knows the server behind the URL.

mod answer;
mod check;
mod client;
mod config;
mod dialect;
mod draw;
mod exchange;
mod person;
mod play;
mod report;
mod request;
mod step;

pub use answer::Answer;
pub use check::Check;
pub use client::{Client, ClientError, Key, MOST_RETRIES, NoAnswer};
pub use config::SimulateConfig;
pub use dialect::{Dialect, Entra, Idp, JumpCloud, Leaving, Okta, OneLogin, PATCH_OP};
pub use draw::Draw;
pub use person::{Company, ENTERPRISE, Edit, Field, GROUP, Person, Team, USER, WORK_MAIL};
pub use play::{CannotRun, Plan, play};
pub use report::{FORMAT, Finding, Latency, Report, StepReport};
pub use request::{Request, equals, form_encoded, percent_encoded};
pub use step::Step;
