//! Frames as they travel: one form only, within the limits, with a range list for each hunk and none for data.

use crate::keys;
use crate::memory::{BASE, within};
use format::frame::{PackCipher, PackKind, SealedFrame};
use format::limits;
use format::ranges::RangeList;
use model::ChunkId;

pub(super) fn run(input: &[u8]) -> bool {
    let Ok(frame) = within(BASE + 16 * input.len(), || SealedFrame::decode(input)) else { return false };
    assert_eq!(frame.encode(), input);
    assert!(frame.ids.len() <= limits::FRAME_CHUNKS_MAX);
    assert!(frame.ciphertext.len() <= limits::FRAME_SEALED_MAX);
    let lists = if frame.context.kind == PackKind::Hunk { frame.ids.len() } else { 0 };
    assert_eq!(frame.references.len(), lists);
    if let Ok(cipher) = PackCipher::new(&keys::keyring(), frame.context)
        && let Ok(open) = cipher.open(frame.number, &frame.ids, &mut frame.ciphertext.clone())
    {
        assert_eq!(open.len(), frame.ids.len());
    }
    true
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let frame = |kind, references: Vec<RangeList>| {
        let ids = [ChunkId::from_bytes([1; 16]), ChunkId::from_bytes([2; 16])].to_vec();
        let ciphertext = keys::seal_frame(kind, 5, &ids, b"\x00\x08\x00\x00\x00\x03\x03onetwo");
        SealedFrame { context: keys::context(kind), number: 5, ids, references, ciphertext }.encode()
    };
    vec![
        frame(PackKind::Data, Vec::new()),
        frame(PackKind::Hunk, vec![super::range_list::sample(), RangeList::new()]),
    ]
}
