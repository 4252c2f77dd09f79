//! Bodies of look-ups, their answers, and lists of frames: rows of a fixed length, within the limits, written back
//! as they were.

use crate::memory::{BASE, within};
use api::{binary, limits};
use model::{ChunkId, PackId};

pub(super) fn run(input: &[u8]) -> bool {
    let room = BASE + 2 * input.len();
    let ids = within(room, || binary::read_ids(input));
    if let Ok(ids) = &ids {
        assert!((1..=limits::LOOKUP_IDS).contains(&ids.len()));
        assert_eq!(binary::write_ids(ids), input);
    }
    let frames = within(room, || binary::read_frame_list(input));
    if let Ok(frames) = &frames {
        assert!((1..=limits::FRAMES).contains(&frames.len()));
        assert_eq!(frames.len() * 20, input.len(), "a row was left out");
        assert_eq!(binary::write_frame_list(frames), input);
    }
    let asked = input.len() / 24;
    let places = within(room, || binary::read_places(input, asked));
    if let Ok(places) = &places {
        assert_eq!(places.len(), asked);
        assert_eq!(binary::write_places(places), input);
        assert!(binary::read_places(input, asked + 1).is_err());
    }
    ids.is_ok() || frames.is_ok() || places.is_ok()
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let ids: Vec<_> = (0..5).map(|id| ChunkId::from_bytes([id; 16])).collect();
    let frames: Vec<_> = (0..7).map(|frame| (PackId::from_bytes([frame; 16]), u32::from(frame))).collect();
    let place = binary::Place { pack: PackId::from_bytes([3; 16]), frame: 1, ordinal: 2 };
    vec![
        binary::write_ids(&ids),
        binary::write_frame_list(&frames),
        binary::write_places(&[Some(place), None, Some(place)]),
    ]
}
