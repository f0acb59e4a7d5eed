//! Reading the domains that an admin claims. What becomes of a claim: [`super::domains`].

use std::collections::HashSet;
use std::sync::LazyLock;

use super::login_email::domain;
use crate::refusal::echo;

/// How many domains one text may claim.
pub(crate) const CLAIMS_AT_ONCE: usize = 100;

/// How many claims a workspace may have, whatever became of them.
pub(crate) const CLAIMS_IN_ALL: usize = 1_000;

/// One domain of a claim's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// A domain, in the form in which domains are compared.
    Domain(String),
    /// No domain that anybody could claim: the text, cut, and what is wrong with it.
    Refused(String, &'static str),
}

/// Reads the domains that an admin typed or pasted: separated by commas, semicolons or white space,
/// with a leading `@`, parts of a URL and its `www.` forgiven. Each is answered once.
#[must_use]
pub(crate) fn read_claims(text: &str) -> Vec<Claim> {
    let mut claims = Vec::new();
    for word in text.split(|c: char| c == ',' || c == ';' || c.is_whitespace()) {
        if !word.is_empty() {
            let claim = read_claim(word);
            if !claims.contains(&claim) {
                claims.push(claim);
            }
        }
    }
    claims
}

fn read_claim(word: &str) -> Claim {
    let refused = |why| Claim::Refused(echo(word), why);
    let (rest, has_scheme) = match word.split_once("://") {
        Some((_scheme, rest)) => (rest, true),
        None => (word.strip_prefix('@').unwrap_or(word), false),
    };
    let (host, is_url) = match rest.split_once(['/', '?', '#']) {
        Some((host, _path)) => (host, true),
        None => (rest, has_scheme),
    };
    if host.contains('@') {
        return refused("An address is no domain: claim the part behind the @.");
    }
    if host.starts_with('[') || host.matches(':').count() > 1 {
        return refused("An IP address is no e-mail domain.");
    }
    let host = host.split_once(':').map_or(host, |(host, _port)| host);
    let Some(name) = domain(host) else {
        return refused("Not a domain name.");
    };
    let name = if is_url { name.strip_prefix("www.").unwrap_or(&name).to_owned() } else { name };
    let labels: Vec<&str> = name.split('.').collect();
    let top = labels.last().copied().unwrap_or_default();
    if top.chars().all(|c| c.is_ascii_digit()) {
        return refused("An IP address is no e-mail domain.");
    }
    if labels.len() < 2 {
        return refused("A domain has at least two parts, like example.com.");
    }
    if is_public_suffix(&name) {
        return refused("Anybody may register names below it: claim the company's own domain.");
    }
    if is_of_a_mail_provider(&name) {
        return refused("Anybody gets an address there: claim the company's own domain.");
    }
    Claim::Domain(name)
}

/// Whether names of different owners stand directly below this one, such as `co.uk` (Public Suffix List,
/// the part of registries and that of companies which let others have names below theirs).
fn is_public_suffix(name: &str) -> bool {
    psl::suffix_str(name) == Some(name)
}

/// Whether anybody gets an address at this domain, or below it.
fn is_of_a_mail_provider(name: &str) -> bool {
    static PROVIDERS: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
        let lines = include_str!("mail_providers.txt").lines();
        lines.filter(|line| !line.starts_with('#')).collect()
    });
    let below = name.match_indices('.').map(|(at, _)| &name[at + 1..]);
    std::iter::once(name).chain(below).any(|domain| PROVIDERS.contains(domain))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domains(text: &str) -> Vec<String> {
        read_claims(text)
            .into_iter()
            .map(|claim| match claim {
                Claim::Domain(name) => name,
                Claim::Refused(text, _) => format!("refused: {text}"),
            })
            .collect()
    }

    #[test]
    fn domains_are_read_from_what_an_admin_pastes() {
        assert_eq!(
            domains(
                "Example.com, @acme.co.uk; https://www.foo.org/about\n\nexample.COM BÜCHER.example"
            ),
            ["example.com", "acme.co.uk", "foo.org", "xn--bcher-kva.example"]
        );
        assert_eq!(domains(" ,; "), Vec::<String>::new());
    }

    #[test]
    fn what_is_no_domain_is_refused_by_itself() {
        assert_eq!(
            domains("ada@acme.com acme.com localhost 10.0.0.1 a..b"),
            [
                "refused: ada@acme.com",
                "acme.com",
                "refused: localhost",
                "refused: 10.0.0.1",
                "refused: a..b"
            ]
        );
    }

    fn refused(text: &str) -> &'static str {
        match read_claims(text).remove(0) {
            Claim::Refused(_, why) => why,
            Claim::Domain(name) => panic!("{name} was read"),
        }
    }

    #[test]
    fn what_is_no_companys_own_is_refused_with_its_reason() {
        for suffix in ["co.uk", "CO.UK.", "github.io", "com.au", "azurewebsites.net"] {
            assert!(refused(suffix).starts_with("Anybody may register"), "{suffix}");
        }
        for provider in
            ["gmail.com", "@GMAIL.com", "https://www.outlook.com/mail", "mail.yahoo.co.uk"]
        {
            assert!(refused(provider).starts_with("Anybody gets an address"), "{provider}");
        }
        for address in ["[::1]", "2001:db8::7", "10.0.0.1:25", "http://127.0.0.1/"] {
            assert!(refused(address).starts_with("An IP address"), "{address}");
        }
        assert_eq!(
            domains("acme.co.uk notgmail.com gmail.acme.com"),
            ["acme.co.uk", "notgmail.com", "gmail.acme.com"]
        );
    }

    #[test]
    fn www_is_dropped_from_a_pasted_url_alone() {
        assert_eq!(
            domains("www.acme.com, HTTPS://WWW.acme.com:8443/x?y#z, www.foo.org/about, acme.com/"),
            ["www.acme.com", "acme.com", "foo.org"]
        );
    }

    #[test]
    fn the_list_of_providers_is_in_the_form_in_which_domains_are_compared() {
        let lines =
            include_str!("mail_providers.txt").lines().filter(|line| !line.starts_with('#'));
        let lines: Vec<&str> = lines.collect();
        assert!(lines.is_sorted_by(|a, b| a < b), "in order, each once");
        for line in lines {
            assert_eq!(domain(line).as_deref(), Some(line));
        }
    }
}
