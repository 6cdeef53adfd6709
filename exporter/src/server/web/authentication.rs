//! Users and passwords.
//!
//! bcrypt is slow on purpose: a tenth of a second and more of CPU time for each password, right or wrong. A
//! scraper comes with the same one every few seconds, so what was accepted once is remembered. What strangers
//! make the exporter compute is bounded by the [`Gate`].

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hyper::header::HeaderValue;
use ring::{hmac, rand::SystemRandom};
use tokio::{sync::oneshot, task::spawn_blocking};

use super::gate::{Gate, Turn};
use crate::{
    health::RequestRefusal,
    web_config::{PasswordHash, Users},
};

/// Decides who is let in.
pub(super) struct Authentication {
    gate: Gate,
    accepted: Arc<Accepted>,
}

impl Authentication {
    pub(super) fn new() -> Self {
        Self { gate: Gate::default(), accepted: Arc::new(Accepted::new()) }
    }

    /// Whether these are the name and password of one of the users.
    pub(super) async fn admits(
        &self,
        users: &Arc<Users>,
        header: Option<&HeaderValue>,
        peer: IpAddr,
    ) -> Result<(), RequestRefusal> {
        let Some(credentials) = header.and_then(Credentials::parse) else {
            return Err(RequestRefusal::Unauthorized);
        };
        let claim = self.accepted.claim(users, credentials);
        if self.accepted.has(&claim) {
            return Ok(());
        }
        let turn = self.gate.turn(peer).await.ok_or(RequestRefusal::Busy)?;
        // Somebody before us may have come with the same.
        if self.accepted.has(&claim) || self.check(claim, users, turn).await {
            Ok(())
        } else {
            Err(RequestRefusal::Unauthorized)
        }
    }

    /// Computes the hash of the password. Goes on when the client does not wait for it, so that a scraper
    /// with a short timeout is let in next time.
    async fn check(&self, claim: Claim, users: &Arc<Users>, turn: Turn) -> bool {
        let (answer, answered) = oneshot::channel();
        let (accepted, users) = (Arc::clone(&self.accepted), Arc::clone(users));
        tokio::spawn(async move {
            let checked = spawn_blocking(move || {
                // Also for names that are no user's, so that the time does not tell them.
                let is_right = claim.hash.is_of(&claim.password) && claim.is_user;
                if is_right {
                    accepted.add(claim, &users);
                }
                is_right
            });
            let is_right = checked.await.unwrap_or(false);
            // It fails when the client has gone.
            let _ = answer.send(is_right);
            if is_right { drop(turn) } else { turn.end_slowly().await }
        });
        answered.await.unwrap_or(false)
    }
}

/// Name and password, as a client sent them.
struct Credentials {
    name: String,
    password: Vec<u8>,
}

impl Credentials {
    /// Reads the value of `Authorization`. `None` when it is anything else than name and password (RFC 7617).
    fn parse(header: &HeaderValue) -> Option<Self> {
        let (scheme, encoded) = header.to_str().ok()?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let decoded = STANDARD.decode(encoded.trim()).ok()?;
        let colon = decoded.iter().position(|byte| *byte == b':')?;
        let name = String::from_utf8(decoded[..colon].to_vec()).ok()?;
        Some(Self { name, password: decoded[colon + 1..].to_vec() })
    }
}

/// Credentials, and the hash that the password must have.
struct Claim {
    name: String,
    password: Vec<u8>,
    hash: PasswordHash,
    /// Whether there is such a user; if not, the hash is another user's.
    is_user: bool,
}

/// Credentials that were accepted, the last of each user.
struct Accepted {
    /// Known to this process only, so that what is remembered tells nothing about passwords.
    key: hmac::Key,
    tags: Mutex<HashMap<String, hmac::Tag>>,
}

impl Accepted {
    fn new() -> Self {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new())
            .expect("the kernel has random numbers for a process that has started");
        Self { key, tags: Mutex::default() }
    }

    /// Finds the hash for credentials. A name that is no user's gets the hash of a user that depends on the
    /// name, so that it takes as long as one of theirs, and always the same.
    fn claim(&self, users: &Users, credentials: Credentials) -> Claim {
        let Credentials { name, password } = credentials;
        let known = users.get(&name);
        let hash = known.cloned().unwrap_or_else(|| {
            let tag = hmac::sign(&self.key, name.as_bytes());
            let number = tag.as_ref().iter().fold(0_u128, |number, byte| number << 3 ^ u128::from(*byte));
            let index = (number % users.len() as u128) as usize;
            users.hashes().nth(index).cloned().expect("who has no users asks for no password")
        });
        Claim { name, password, hash, is_user: known.is_some() }
    }

    /// Whether this claim was accepted before, under the hash that the user has now.
    fn has(&self, claim: &Claim) -> bool {
        let known = self.tags().get(&claim.name).copied();
        claim.is_user
            && known.is_some_and(|tag| hmac::verify(&self.key, &message(claim), tag.as_ref()).is_ok())
    }

    /// Remembers a claim, and forgets those whose users are gone.
    fn add(&self, claim: Claim, users: &Users) {
        let tag = hmac::sign(&self.key, &message(&claim));
        let mut tags = self.tags();
        tags.retain(|name, _| users.get(name).is_some());
        tags.insert(claim.name, tag);
    }

    fn tags(&self) -> MutexGuard<'_, HashMap<String, hmac::Tag>> {
        self.tags.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hash, name and password, each behind its length, so that no two claims have the same message.
fn message(claim: &Claim) -> Vec<u8> {
    let mut message = Vec::new();
    for part in [claim.hash.as_str().as_bytes(), claim.name.as_bytes(), &claim.password] {
        message.extend((part.len() as u64).to_be_bytes());
        message.extend(part);
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(header: &str) -> Option<(String, Vec<u8>)> {
        let header = HeaderValue::from_str(header).expect("a header");
        Credentials::parse(&header).map(|Credentials { name, password }| (name, password))
    }

    #[test]
    fn credentials_are_read_as_written() {
        for (header, name, password) in [
            ("Basic YTpi", "a", "b"),
            ("basic YTpi", "a", "b"),
            ("BASIC  YTpi ", "a", "b"),
            ("Basic YTo=", "a", ""),
            ("Basic OmI=", "", "b"),
            ("Basic YTpiOmM=", "a", "b:c"),
        ] {
            assert_eq!(parse(header), Some((name.to_owned(), password.into())), "{header}");
        }
        for header in
            ["", "Basic", "Basic ", "Basic YQ==", "Basic !!!", "Bearer YTpi", "BasicYTpi", "Basic YTpi,x"]
        {
            assert_eq!(parse(header), None, "{header}");
        }
    }
}
