//! `basic_auth_users`.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{
    Deserialize,
    de::{Deserializer, Error, MapAccess, Visitor},
};

/// The costs that are accepted: each step doubles the time that a password takes, which is half a second to
/// two at 12 and minutes at 20.
const COSTS: std::ops::RangeInclusive<u32> = 4..=16;

/// Users and the hashes of their passwords.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Users(BTreeMap<String, PasswordHash>);

impl Users {
    /// Whether there are none, so that everybody is let in.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The hash of a user's password.
    pub fn get(&self, name: &str) -> Option<&PasswordHash> {
        self.0.get(name)
    }

    /// The hashes of all passwords.
    pub fn hashes(&self) -> impl ExactSizeIterator<Item = &PasswordHash> {
        self.0.values()
    }
}

/// The bcrypt hash of a password. It is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Whether this is the password. Takes a fraction of a second of CPU time.
    pub fn is_of(&self, password: &[u8]) -> bool {
        bcrypt::verify(password, &self.0).unwrap_or(false)
    }

    /// The hash as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

impl FromStr for PasswordHash {
    type Err = &'static str;

    /// The text is in no error: it may be a password that somebody forgot to hash.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // $2x$ marks hashes of an implementation that was broken.
        if !["$2a$", "$2b$", "$2y$"].iter().any(|prefix| text.starts_with(prefix)) {
            return Err("not a bcrypt hash, such as `htpasswd -nBC 10 \"\"` makes, which begins with $2y$");
        }
        let parts: bcrypt::HashParts =
            text.parse().map_err(|_| "a damaged bcrypt hash: it has 60 characters")?;
        if !COSTS.contains(&parts.get_cost()) {
            return Err("a bcrypt hash with a cost beyond 4 to 16, for which scrapers would not wait");
        }
        Ok(Self(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for PasswordHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Hash;

        impl Visitor<'_> for Hash {
            type Value = PasswordHash;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a bcrypt hash")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<PasswordHash, E> {
                text.parse().map_err(E::custom)
            }

            /// A password of digits; the default would show it.
            fn visit_u64<E: Error>(self, _: u64) -> Result<PasswordHash, E> {
                self.visit_str("")
            }

            fn visit_i64<E: Error>(self, _: i64) -> Result<PasswordHash, E> {
                self.visit_str("")
            }

            fn visit_f64<E: Error>(self, _: f64) -> Result<PasswordHash, E> {
                self.visit_str("")
            }
        }

        deserializer.deserialize_any(Hash)
    }
}

impl<'de> Deserialize<'de> for Users {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Mapping;

        impl<'de> Visitor<'de> for Mapping {
            type Value = Users;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping from users to bcrypt hashes of their passwords")
            }

            fn visit_unit<E: Error>(self) -> Result<Users, E> {
                Ok(Users::default())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut mapping: A) -> Result<Users, A::Error> {
                let mut users = BTreeMap::new();
                while let Some(name) = mapping.next_key::<String>()? {
                    let hash = mapping.next_value()?;
                    if name.contains(':') {
                        return Err(A::Error::custom(format_args!(
                            "the user {name:?} has a colon in the name"
                        )));
                    }
                    if users.insert(name.clone(), hash).is_some() {
                        return Err(A::Error::custom(format_args!("the user {name:?} is given twice")));
                    }
                }
                Ok(Users(users))
            }
        }

        deserializer.deserialize_any(Mapping)
    }
}
