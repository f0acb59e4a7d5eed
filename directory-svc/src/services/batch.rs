//! Several resources by their ids (AIP-231). Unlike there, one that is not here is named and no error: a caller who
//! holds ids for long learns of a removal so, and loses no other by it.

use std::collections::HashSet;
use std::str::FromStr;

use directory_api::v1::Reason;
use tonic::Status;

use super::fault::no;
use super::page::MAX_PAGE;
use crate::refusal::Refusal;

/// The ids that were asked for: each as it was sent, and read where it is one that the directory could have made.
pub(super) struct Batch<I>(Vec<(String, Option<I>)>);

impl<I: FromStr + Copy> Batch<I> {
    /// Reads the ids, each once.
    ///
    /// # Errors
    /// `TOO_MANY`.
    pub(super) fn read(ids: Vec<String>) -> Result<Self, Status> {
        if ids.len() > MAX_PAGE as usize {
            return Err(no(too_many(ids.len())));
        }
        let mut known = HashSet::new();
        let once = ids.into_iter().filter(|id| known.insert(id.clone()));
        Ok(Self(once.map(|sent| (sent.clone(), sent.parse().ok())).collect()))
    }

    /// The ids to look up.
    pub(super) fn ids(&self) -> Vec<I> {
        self.0.iter().filter_map(|(_, id)| *id).collect()
    }

    /// Those that are here, in the order asked for, and the ids of the others.
    pub(super) fn sort<T>(&self, find: impl Fn(&I) -> Option<T>) -> (Vec<T>, Vec<String>) {
        let (mut here, mut missing) = (Vec::new(), Vec::new());
        for (sent, id) in &self.0 {
            match id.as_ref().and_then(&find) {
                Some(found) => here.push(found),
                None => missing.push(sent.clone()),
            }
        }
        (here, missing)
    }
}

fn too_many(count: usize) -> Refusal {
    let detail =
        format!("{count} ids are more than the {MAX_PAGE} of one call. Ask in several calls.");
    Refusal::new(Reason::TooMany, detail).at("ids")
}

/// What was asked for does not fit into one message.
pub(super) fn too_large() -> Refusal {
    let detail = "The answer is too large for one message. Ask for fewer at a time, or for fewer attributes.";
    Refusal::new(Reason::TooMany, detail).at("ids")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_here_comes_in_the_order_asked_for_and_the_rest_is_named() {
        let sent = ["7", "x", "3", "7", "9"].map(str::to_owned).to_vec();
        let batch = Batch::<u8>::read(sent).unwrap();
        assert_eq!(batch.ids(), [7, 3, 9]);
        let (here, missing) = batch.sort(|id| (*id != 3).then_some(*id));
        assert_eq!((here, missing), (vec![7, 9], vec!["x".to_owned(), "3".to_owned()]));
        assert!(Batch::<u8>::read(vec!["1".to_owned(); 200]).is_ok());
        assert!(Batch::<u8>::read(vec!["1".to_owned(); 201]).is_err());
    }
}
