//! How much input the language takes. Every limit keeps one caller from costing the others memory
//! or time; each is refused by name with [`ErrorKind::TooMany`](crate::ErrorKind::TooMany), unless
//! it says otherwise.

/// Levels of arrays and objects in a JSON text. Counted before descending, as a stack overflow
/// cannot be caught. SCIM itself needs six.
pub const JSON_DEPTH: usize = 32;

/// Values of one attribute, and elements of any JSON array.
pub const VALUES_PER_ATTRIBUTE: usize = 10_000;

/// Operations in one bulk, as `bulk.maxOperations` announces it (RFC 7643 section 5).
pub const BULK_OPERATIONS: usize = 1_000;

/// Bytes of the body of a bulk, as `bulk.maxPayloadSize` announces it: 8 MiB.
pub const BULK_BYTES: usize = 8 * 1024 * 1024;

/// Operations in one PATCH.
pub const PATCH_OPERATIONS: usize = 1_000;

/// Comparisons that the filters of one PATCH may make, of each value with each of their terms: twenty
/// filters of one term on a full attribute, a few hundred milliseconds at worst. A filter on
/// `value eq "..."` finds its values in an index and counts what it finds.
pub const PATCH_COMPARISONS: usize = 200_000;

/// Bytes of a string, and of a name in a JSON object: 64 KiB.
pub const STRING_BYTES: usize = 64 * 1024;

/// Bytes of a value whose attribute has the format `name` (userName, addresses): the longest
/// address that RFC 5321 section 4.5.3.1 allows, 64 + 1 + 255. Longer ones are an invalid value.
pub const NAME_BYTES: usize = 320;

/// Bytes of a filter, and of a path.
pub const FILTER_BYTES: usize = 8 * 1024;

/// Levels of parentheses, brackets and `not` in a filter. Counted before descending.
pub const FILTER_DEPTH: usize = 32;

/// Comparisons in a filter.
pub const FILTER_TERMS: usize = 200;

/// Names in `attributes` and in `excludedAttributes`, together.
pub const PROJECTED_NAMES: usize = 100;

/// Attributes of a registered schema, sub-attributes included.
pub const SCHEMA_ATTRIBUTES: usize = 1_000;

/// Characters of input that the detail of an error repeats at most. Longer input is cut, not
/// refused.
pub const ECHO_CHARS: usize = 128;
