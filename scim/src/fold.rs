//! The form in which strings of `caseExact: false` attributes are compared and stored for look-up.
//! Folding happens here and never in SQL: the `lower()` of the engines differ.

use icu_casemap::CaseMapper;
use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};

/// NFKC with full, locale-independent case folding: Unicode's compatibility caseless form
/// (Unicode 3.13, D146). `fold(fold(x)) == fold(x)`.
///
/// Characters that merely look alike stay different, and white space is not trimmed.
#[must_use]
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let (cases, nfkc) = (CaseMapper::new(), ComposingNormalizerBorrowed::new_nfkc());
    // Folding undoes normal forms and normalising brings up new capitals: both twice, as D146 says.
    let text = DecomposingNormalizerBorrowed::new_nfd().normalize(text);
    let text = cases.fold_string(&text);
    let text = nfkc.normalize(&text);
    let text = cases.fold_string(&text);
    nfkc.normalize(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letter_case_and_compatibility_forms_compare_equal() {
        for (one, other) in [
            ("Ada@ACME.com", "ada@acme.com"),
            ("STRASSE", "straße"),
            ("ΣΊΣΥΦΟΣ", "σίσυφος"),
            ("ﬁn", "FIN"),
            ("Ａｄａ", "ada"),
            ("é", "E\u{301}"),
        ] {
            assert_eq!(fold(one), fold(other), "{one} {other}");
        }
    }

    #[test]
    fn look_alikes_stay_different() {
        assert_ne!(fold("аda"), fold("ada"), "Cyrillic a");
        assert_ne!(fold("ı"), fold("i"), "dotless i");
    }

    #[test]
    fn folding_twice_is_folding_once_for_every_character() {
        // Planes 4 to 13 are empty, those above for tags and private use.
        for c in '\0'..='\u{3ffff}' {
            let once = fold(c.encode_utf8(&mut [0; 4]));
            if !once.chars().eq([c]) {
                assert_eq!(fold(&once), once, "{c:?}");
            }
        }
    }
}
