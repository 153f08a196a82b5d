//! AES-128-CCM, which aws-lc-rs does not offer: packets in, packets sealed or opened in place out, by the `ccm` crate. Never lets a
//! key's bytes out again.

use alloc::boxed::Box;

use aes::Aes128;
use ccm::Ccm;
use ccm::aead::{AeadInOut, KeyInit};
use ccm::consts::{U12, U16};

use super::{Parts, nonce};
use crate::crypto::{CryptoError, IV_LEN, OpenJob, PacketKey, SealJob, TAG_LEN, Tails};

/// A key with its IV.
struct CcmKey {
    cipher: Ccm<Aes128, U16, U12>,
    iv: [u8; IV_LEN],
}

pub(super) fn packet_key(key: &[u8], iv: &[u8; IV_LEN]) -> Result<Box<dyn PacketKey>, CryptoError> {
    let cipher = Ccm::new_from_slice(key).map_err(|_| CryptoError::Misuse)?;
    Ok(Box::new(CcmKey { cipher, iv: *iv }))
}

impl PacketKey for CcmKey {
    fn seal(
        &self,
        buffer: &mut [u8],
        jobs: &[SealJob],
        tails: &dyn Tails,
    ) -> Result<(), CryptoError> {
        for job in jobs {
            job.put_tail(buffer, tails)?;
            let packet = Parts::of(buffer, (job.start, job.payload_at, job.end), 0);
            let packet = packet.ok_or(CryptoError::Misuse)?;
            let nonce = nonce(&self.iv, job.packet_number).into();
            let tag = self
                .cipher
                .encrypt_inout_detached(&nonce, packet.header, packet.payload.into())
                .map_err(|_| CryptoError::Misuse)?;
            packet.tag.copy_from_slice(&tag);
        }
        Ok(())
    }

    fn open(&self, buffer: &mut [u8], jobs: &mut [OpenJob]) {
        for job in jobs {
            let packet = Parts::of(buffer, (job.start, job.payload_at, job.end), 0);
            job.opened = packet.is_some_and(|packet| {
                let nonce = nonce(&self.iv, job.packet_number).into();
                let Ok(tag) = <[u8; TAG_LEN]>::try_from(&*packet.tag) else {
                    return false;
                };
                self.cipher
                    .decrypt_inout_detached(
                        &nonce,
                        packet.header,
                        packet.payload.into(),
                        &tag.into(),
                    )
                    .is_ok()
            });
        }
    }
}
