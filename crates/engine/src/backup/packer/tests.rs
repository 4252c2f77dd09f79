//! Failed uploads, leases that are over, and how full packs get.

use super::*;
use crate::backup::tests::any_lease;
use crate::remote::RemoteError;
use format::frame::{Compressor, FrameBuilder};
use model::{ChunkId, Custody, VaultId};

fn refusal(code: Code) -> RemoteError {
    RemoteError::new(code, "")
}

/// Puts a frame into an open pack.
fn put_frame(packer: &Packer<'_>) {
    let slot = packer.slot(PackKind::Data).unwrap();
    let mut frame = FrameBuilder::new();
    frame.push(ChunkId::from_bytes([1; 16]), b"content");
    let built = frame.seal(&slot.pack.cipher, slot.number, &mut Compressor::new(1)).unwrap();
    packer.put(&slot, built, Vec::new()).unwrap();
}

#[test]
fn who_only_meets_a_failed_upload_does_not_take_its_cause_away() {
    let keyring = Keyring::create(VaultId::random(), Custody::Managed);
    let (packer, _packs) = Packer::new(&keyring, &any_lease(), &Classes::default(), limits::FRAME_TARGET, 1);
    {
        let mut unsent = lock(&packer.unsent);
        unsent.failed = true;
        unsent.failure = Some(refusal(Code::StorageFull).into());
    }
    for _ in 0..2 {
        put_frame(&packer);
        let pack = lock(&packer.kinds[0].open).pop().unwrap();
        assert!(matches!(packer.close(&pack), Err(EngineError::Stopped)));
    }
    assert_eq!(packer.cause(EngineError::Stopped).code(), Code::StorageFull);
    // Nothing is sent after it either.
    put_frame(&packer);
    assert!(matches!(packer.flush(), Err(EngineError::Stopped)));
}

#[test]
fn a_superseded_lease_is_over_only_when_this_run_has_a_newer_one() {
    let keyring = Keyring::create(VaultId::random(), Custody::Managed);
    let (packer, _packs) = Packer::new(&keyring, &any_lease(), &Classes::default(), limits::FRAME_TARGET, 1);
    let lease = packer.lease();
    for (code, is_over) in [
        (Code::LeaseExpired, true),
        (Code::LeaseUnknown, true),
        (Code::LeaseSuperseded, false),
        (Code::StorageFull, false),
    ] {
        assert_eq!(packer.is_over(lease, &refusal(code)), is_over, "{code:?}");
    }
    *lock(&packer.lease) = LeaseId::random();
    assert!(packer.is_over(lease, &refusal(Code::LeaseSuperseded)));
}

#[test]
fn packs_are_filled_however_many_workers_there_are() {
    for workers in [1, 16] {
        let keyring = Keyring::create(VaultId::random(), Custody::Managed);
        let (packer, packs) =
            Packer::new(&keyring, &any_lease(), &Classes::default(), limits::FRAME_TARGET, workers);
        let mut noise = vec![0u8; limits::FRAME_TARGET];
        blake3::Hasher::new().finalize_xof().fill(&mut noise);
        let (mut frame, mut compressor) = (FrameBuilder::new(), Compressor::new(1));
        let mut put = |slot: FrameSlot| {
            frame.push(ChunkId::from_bytes([1; 16]), &noise);
            let built = frame.seal(&slot.pack.cipher, slot.number, &mut compressor).unwrap();
            packer.put(&slot, built, Vec::new()).unwrap();
        };
        let sizes: Vec<usize> = std::thread::scope(|scope| {
            let lane = scope.spawn(move || packs.iter().map(|sealed| sealed.bytes.len()).collect());
            // Each worker has a frame in hand at any time.
            let take = || packer.slot(PackKind::Data).unwrap();
            let mut in_hand: std::collections::VecDeque<_> = (0..workers).map(|_| take()).collect();
            for _ in 0..100 {
                put(in_hand.pop_front().unwrap());
                in_hand.push_back(take());
            }
            in_hand.into_iter().for_each(&mut put);
            packer.end();
            lane.join().unwrap()
        });
        assert!(sizes.len() >= 2, "{workers}: {} packs", sizes.len());
        assert!(sizes.iter().all(|size| *size >= limits::PACK_TARGET / 4 * 3), "{workers}: {sizes:?}");
    }
}
