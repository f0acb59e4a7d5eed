//! The language held against the RFCs: a module for each section names it and quotes what it shows.
//! What holds for every text is in `laws`, which the fuzz targets ask too.

mod corpus;
mod laws;
mod rfc7643_2_3_types;
mod rfc7644_3_4_2_2_filter;
mod rfc7644_3_5_2_patch;
