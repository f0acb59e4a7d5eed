//! The SCIM 2.0 language (RFC 7643, RFC 7644) as pure functions: schemas as data, one reader,
//! resources as trees, paths, filters, orders, patches and projections.
//!
//! No I/O, no clock, no store and no rule of who may do what. Apart from the few named views of
//! [`Resource`] no attribute is known by name: what the schema says is what holds, so that a
//! registered extension behaves as the core does.

mod base64;
pub mod bulk;
mod error;
pub mod filter;
pub mod fold;
pub mod json;
pub mod limits;
pub mod patch;
pub mod path;
pub mod project;
mod read;
mod resource;
mod schema;
mod sort;
pub mod time;

pub use error::{Error, ErrorKind};
pub use path::Target;
pub use resource::{Email, Resource};
pub use schema::{
    Attribute, Format, Kind, Mutability, ResourceType, Returned, Schema, Schemas, Uniqueness,
};
pub use sort::Sort;
