//! The client's key shares: a guess at the group that the server will want (RFC 8446 §4.2.8).
//!
//! One key pair is made, for the most preferred group. Where that is a hybrid its X25519 half stands beside it as
//! a share of its own, for free: a server that does not know the hybrid needs no second hello. Where X25519 is
//! preferred and the hybrid enabled too, it is the same pair in the other order.

use crate::connection::Engine;
use crate::error::{HandshakeError, share_error};
use crate::provider::{KeyExchange, SharedSecret};
use crate::wire::Extension;
use crate::wire::codes::NamedGroup;
use crate::wire::extension13::KeyShareEntry;

/// The private halves of the shares in a ClientHello.
#[derive(Debug)]
pub(crate) struct Offer {
    exchange: Box<dyn KeyExchange>,
}

impl Offer {
    /// For the most preferred group.
    pub(crate) fn new(engine: &mut Engine) -> Result<Self, HandshakeError> {
        let groups = super::groups(&engine.config);
        let mut group = groups.first().copied().ok_or(HandshakeError::NoCommonGroup)?;
        if group == NamedGroup::X25519 && groups.contains(&NamedGroup::X25519_MLKEM768) {
            group = NamedGroup::X25519_MLKEM768;
        }
        Self::for_group(engine, group)
    }

    /// For the group that a HelloRetryRequest names.
    pub(super) fn for_group(engine: &mut Engine, group: NamedGroup) -> Result<Self, HandshakeError> {
        let provider = engine.config.provider.clone();
        Ok(Self { exchange: provider.key_exchange(group, &mut engine.rng)? })
    }

    /// The extension, with a share for each of `groups` that we have one for.
    pub(crate) fn key_shares(&self, groups: &[NamedGroup]) -> Extension {
        let mut entries =
            vec![KeyShareEntry { group: self.exchange.group(), share: self.exchange.public_share() }];
        if let Some((group, share)) = self.component(groups) {
            entries.push(KeyShareEntry { group, share });
        }
        entries.sort_by_key(|entry| groups.iter().position(|group| *group == entry.group));
        Extension::client_key_shares(&entries)
    }

    fn component(&self, groups: &[NamedGroup]) -> Option<(NamedGroup, &[u8])> {
        self.exchange.component().filter(|(group, _)| groups.contains(group))
    }

    /// Whether the hello has a share of this group, given the groups in it.
    pub(super) fn has_share(&self, group: NamedGroup, groups: &[NamedGroup]) -> bool {
        self.exchange.group() == group || self.component(groups).is_some_and(|(known, _)| known == group)
    }

    /// Combines with the server's share.
    pub(super) fn complete(
        self,
        entry: &KeyShareEntry<'_>,
        groups: &[NamedGroup],
    ) -> Result<SharedSecret, HandshakeError> {
        let group = entry.group;
        if !self.has_share(group, groups) {
            return Err(HandshakeError::GroupNotOffered(group));
        }
        let secret = if self.exchange.group() == group {
            self.exchange.complete(entry.share)
        } else {
            self.exchange.complete_component(entry.share)
        };
        secret.map_err(share_error(group))
    }
}
