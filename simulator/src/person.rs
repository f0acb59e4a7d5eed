//! A person and a group as a company's identity provider has them, whatever dialect it speaks.

use serde_json::{Map, Value, json};

use crate::Draw;

/// The core schema of a user (RFC 7643 section 4.1).
pub const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// The enterprise extension of it (RFC 7643 section 4.3).
pub const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
/// The schema of a group (RFC 7643 section 4.2).
pub const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

/// The path of the work e-mail, as identity providers match and patch it.
pub const WORK_MAIL: &str = r#"emails[type eq "work"].value"#;

/// A person of the company.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// What is sent as userName: userPrincipalName, login.
    pub user_name: String,
    /// The work e-mail; absent without a mailbox.
    pub mail: Option<String>,
    /// What is sent as externalId. Entra's default is mailNickname, which is not unique.
    pub external_id: String,
    /// The given name.
    pub given_name: String,
    /// The family name.
    pub family_name: String,
    /// The job's title.
    pub title: Option<String>,
    /// The department, of the enterprise extension.
    pub department: Option<String>,
    /// The id, at the SCIM server, of the person's manager.
    pub manager: Option<String>,
    /// The number of a mobile phone.
    pub mobile: Option<String>,
    /// Whether the person may sign in.
    pub active: bool,
}

impl Person {
    /// A person whose userName and mail are this one address.
    #[must_use]
    pub fn of(address: &str) -> Self {
        let nickname = address.split('@').next().unwrap_or(address);
        Self {
            user_name: address.to_owned(),
            mail: Some(address.to_owned()),
            external_id: nickname.to_lowercase(),
            given_name: nickname.to_owned(),
            family_name: "Lovelace".to_owned(),
            title: None,
            department: None,
            manager: None,
            mobile: None,
            active: true,
        }
    }

    /// The displayName, and the formatted name.
    #[must_use]
    pub fn display_name(&self) -> String {
        format!("{} {}", self.given_name, self.family_name)
    }

    /// Every value that is kept in step, under the path by which a PATCH names it.
    #[must_use]
    pub fn fields(&self) -> Vec<Field> {
        let text = |text: &str| Some(Value::from(text));
        let maybe = |text: &Option<String>| text.as_deref().map(Value::from);
        let urn = |name: &str| format!("{ENTERPRISE}:{name}");
        [
            ("userName".to_owned(), text(&self.user_name)),
            (WORK_MAIL.to_owned(), maybe(&self.mail)),
            ("externalId".to_owned(), text(&self.external_id)),
            ("displayName".to_owned(), Some(self.display_name().into())),
            ("name.formatted".to_owned(), Some(self.display_name().into())),
            ("name.givenName".to_owned(), text(&self.given_name)),
            ("name.familyName".to_owned(), text(&self.family_name)),
            ("title".to_owned(), maybe(&self.title)),
            (r#"phoneNumbers[type eq "mobile"].value"#.to_owned(), maybe(&self.mobile)),
            (urn("department"), maybe(&self.department)),
            (urn("manager"), maybe(&self.manager)),
            ("active".to_owned(), Some(self.active.into())),
        ]
        .map(|(path, value)| Field { path, value })
        .into()
    }

    /// The person as RFC 7643 writes them. What is absent is left out.
    #[must_use]
    pub fn resource(&self) -> Value {
        let mut user = json!({
            "schemas": [USER],
            "userName": self.user_name,
            "externalId": self.external_id,
            "displayName": self.display_name(),
            "name": {
                "formatted": self.display_name(),
                "givenName": self.given_name,
                "familyName": self.family_name,
            },
            "active": self.active,
        });
        if let Some(mail) = &self.mail {
            user["emails"] = json!([{"type": "work", "value": mail, "primary": true}]);
        }
        if let Some(title) = &self.title {
            user["title"] = json!(title);
        }
        if let Some(mobile) = &self.mobile {
            user["phoneNumbers"] = json!([{"type": "mobile", "value": mobile}]);
        }
        if let Some(enterprise) = self.enterprise() {
            user["schemas"] = json!([USER, ENTERPRISE]);
            user[ENTERPRISE] = enterprise;
        }
        user
    }

    /// The values of the enterprise extension, if there are any.
    #[must_use]
    pub fn enterprise(&self) -> Option<Value> {
        let mut values = Map::new();
        if let Some(department) = &self.department {
            values.insert("department".to_owned(), json!(department));
        }
        if let Some(manager) = &self.manager {
            values.insert("manager".to_owned(), json!({"value": manager}));
        }
        (!values.is_empty()).then(|| values.into())
    }
}

/// A value of a person, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The path, as RFC 7644 section 3.5.2 writes it.
    pub path: String,
    /// The value; absent where the person has none.
    pub value: Option<Value>,
}

/// What is to be done to a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// There was none at this path.
    Add(String, Value),
    /// Another was at this path.
    Replace(String, Value),
    /// There is to be none at this path.
    Remove(String),
}

impl Edit {
    /// Where.
    #[must_use]
    pub fn path(&self) -> &str {
        match self {
            Self::Add(path, _) | Self::Replace(path, _) | Self::Remove(path) => path,
        }
    }

    /// What makes one person of the other.
    #[must_use]
    pub fn between(before: &Person, after: &Person) -> Vec<Self> {
        let pairs = before.fields().into_iter().zip(after.fields());
        pairs
            .filter(|(old, new)| old.value != new.value)
            .map(|(old, Field { path, value })| match (old.value, value) {
                (None, Some(value)) => Self::Add(path, value),
                (Some(_), Some(value)) => Self::Replace(path, value),
                (_, None) => Self::Remove(path),
            })
            .collect()
    }
}

/// A group of the company.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Team {
    /// The name.
    pub display_name: String,
    /// What is sent as externalId: Entra's object id.
    pub external_id: String,
}

/// Names, with the letters that an address is made of.
const GIVEN: [(&str, &str); 12] = [
    ("Ada", "Ada"),
    ("Grace", "Grace"),
    ("Zoë", "Zoe"),
    ("Søren", "Soren"),
    ("Łukasz", "Lukasz"),
    ("María José", "Maria.Jose"),
    ("美咲", "Misaki"),
    ("Олена", "Olena"),
    ("Anne-Marie", "Anne-Marie"),
    ("Noor", "Noor"),
    ("Kwame", "Kwame"),
    ("Jürgen", "Juergen"),
];
const FAMILY: [(&str, &str); 12] = [
    ("Lovelace", "Lovelace"),
    ("Hopper", "Hopper"),
    ("O'Brien", "OBrien"),
    ("Müller-Lüdenscheidt", "Mueller"),
    ("van der Berg", "vanderBerg"),
    ("Nguyễn", "Nguyen"),
    ("佐藤", "Sato"),
    ("Шевченко", "Shevchenko"),
    ("al-Khwarizmi", "alKhwarizmi"),
    ("Núñez", "Nunez"),
    ("Smith \"Smitty\"", "Smith"),
    ("Okafor", "Okafor"),
];
const TITLES: [&str; 4] = ["Countess", "Rear Admiral", "Ingénieure", "R&D <lead>"];
const DEPARTMENTS: [&str; 4] = ["Engines", "Looms", "Forschung & Entwicklung", "Legal, EMEA"];

/// Who works at the company: the same people and groups for the same seed.
#[derive(Debug)]
pub struct Company {
    seed: u64,
    domain: String,
}

impl Company {
    /// The company of a seed, with its addresses at `domain`.
    #[must_use]
    pub fn new(seed: u64, domain: &str) -> Self {
        Self { seed, domain: domain.to_owned() }
    }

    /// The person of a number, newly hired.
    #[must_use]
    pub fn hire(&self, number: usize, draw: &mut Draw) -> Person {
        self.named(number, draw.one_of(&GIVEN), draw.one_of(&FAMILY))
    }

    fn named(&self, number: usize, given: (&str, &str), family: (&str, &str)) -> Person {
        let nickname = format!("{}.{}.{:x}.{number}", given.1, family.1, self.seed);
        Person {
            given_name: given.0.to_owned(),
            family_name: family.0.to_owned(),
            ..Person::of(&format!("{nickname}@{}", self.domain))
        }
    }

    /// The person after a promotion: with title, department, mobile phone and manager.
    #[must_use]
    pub fn promote(&self, person: &Person, manager: Option<String>, draw: &mut Draw) -> Person {
        Person {
            title: Some(draw.one_of(&TITLES).to_owned()),
            department: Some(draw.one_of(&DEPARTMENTS).to_owned()),
            mobile: Some(format!("+44 20 7946 {:04}", draw.below(10_000))),
            manager,
            ..person.clone()
        }
    }

    /// The person after a marriage: with another family name, userName and mail, and in another
    /// department without title and manager. Nothing is drawn: who they will be can be told before.
    #[must_use]
    pub fn rename(&self, number: usize, person: &Person) -> Person {
        let family = FAMILY.into_iter().position(|name| name.0 == person.family_name);
        let other = FAMILY[(family.unwrap_or(0) + 1 + number % (FAMILY.len() - 1)) % FAMILY.len()];
        let given = GIVEN.into_iter().find(|name| name.0 == person.given_name);
        let renamed = self.named(number, given.unwrap_or(GIVEN[0]), other);
        let is_other = |name: &&str| person.department.as_deref() != Some(*name);
        Person {
            external_id: person.external_id.clone(),
            department: DEPARTMENTS.into_iter().find(is_other).map(str::to_owned),
            mobile: person.mobile.clone(),
            active: person.active,
            ..renamed
        }
    }

    /// The group of a number.
    #[must_use]
    pub fn found(&self, number: usize, draw: &mut Draw) -> Team {
        let name = draw.one_of(&DEPARTMENTS);
        Team { display_name: format!("{name} {:x}.{number}", self.seed), external_id: draw.guid() }
    }
}
