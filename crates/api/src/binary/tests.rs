//! Binary bodies come back as written, in any pieces, and anything else is refused within bounds.

use super::*;
use model::Code;
use proptest::prelude::*;

fn chunk_ids() -> impl Strategy<Value = Vec<ChunkId>> {
    prop::collection::vec(any::<[u8; 16]>().prop_map(ChunkId::from_bytes), 1..50)
}

fn places() -> impl Strategy<Value = Vec<Option<Place>>> {
    let place = (any::<[u8; 16]>(), any::<u32>(), any::<u32>())
        .prop_filter("an address of zeros stands for none", |(pack, ..)| *pack != [0; 16])
        .prop_map(|(pack, frame, ordinal)| Place { pack: PackId::from_bytes(pack), frame, ordinal });
    prop::collection::vec(prop::option::of(place), 1..50)
}

fn records() -> impl Strategy<Value = Vec<Record>> {
    let object = prop::collection::vec(any::<u8>(), 0..300).prop_map(Record::Object);
    let code = prop::sample::select(Code::ALL).prop_map(|code| Record::Refusal(code.as_str().to_owned()));
    prop::collection::vec(prop_oneof![4 => object, 1 => code], 0..20)
}

fn write(records: &[Record]) -> Vec<u8> {
    let mut out = Vec::new();
    for record in records {
        match record {
            Record::Object(bytes) => {
                out.extend_from_slice(&frame_header(bytes.len() as u32));
                out.extend_from_slice(bytes);
            }
            Record::Refusal(code) => out.extend(frame_refusal(Code::parse(code).unwrap())),
        }
    }
    out
}

fn read(reader: &mut RecordReader, pieces: &[&[u8]]) -> Result<Vec<Record>, Error> {
    let mut found = Vec::new();
    for piece in pieces {
        let mut input = *piece;
        while let Some(record) = reader.next_record(&mut input)? {
            found.push(record);
        }
        assert!(input.is_empty());
    }
    Ok(found)
}

proptest! {
    #[test]
    fn look_ups_survive(ids in chunk_ids(), places in places()) {
        prop_assert_eq!(read_ids(&write_ids(&ids)).unwrap(), ids);
        prop_assert_eq!(read_places(&write_places(&places), places.len()).unwrap(), places);
    }

    #[test]
    fn lists_of_frames_survive(list in prop::collection::vec((any::<[u8; 16]>(), any::<u32>()), 1..50)) {
        let list: Vec<_> = list.into_iter().map(|(pack, frame)| (PackId::from_bytes(pack), frame)).collect();
        prop_assert_eq!(read_frame_list(&write_frame_list(&list)).unwrap(), list);
    }

    #[test]
    fn records_survive_any_cut(records in records(), size in 1usize..400) {
        let bytes = write(&records);
        let pieces: Vec<_> = bytes.chunks(size).collect();
        let mut reader = RecordReader::frames();
        prop_assert_eq!(read(&mut reader, &pieces).unwrap(), records);
        prop_assert!(reader.is_between());
    }

    #[test]
    fn a_cut_stream_is_noticed(records in records(), cut in any::<prop::sample::Index>()) {
        let bytes = write(&records);
        prop_assume!(!bytes.is_empty());
        let cut = cut.index(bytes.len());
        let mut reader = RecordReader::frames();
        let found = read(&mut reader, &[&bytes[..cut]]).unwrap();
        prop_assert!(found.len() < records.len());
        prop_assert_eq!(&found[..], &records[..found.len()]);
        prop_assert_eq!(reader.is_between(), write(&found).len() == cut);
    }

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..200), asked in 0usize..20) {
        let _ = read_ids(&bytes);
        let _ = read_places(&bytes, asked);
        let _ = read_frame_list(&bytes);
        for mut reader in [RecordReader::frames(), RecordReader::segments()] {
            let mut input = &bytes[..];
            while let Ok(Some(_)) = reader.next_record(&mut input) {}
            // A length is believed only as far as bytes have come.
            let held = reader.body.as_ref().map_or(0, |(_, _, body)| body.capacity());
            prop_assert!(held <= RESERVE_MAX);
        }
    }
}

#[test]
fn counts_are_bounded() {
    let code = |error: Error| error.code();
    assert_eq!(read_ids(&[]).map_err(code), Err(Code::RequestInvalid));
    assert_eq!(read_ids(&[0; 17]).map_err(code), Err(Code::RequestInvalid));
    assert_eq!(read_ids(&vec![0; 16 * (limits::LOOKUP_IDS + 1)]).map_err(code), Err(Code::RequestTooLarge));
    assert_eq!(
        read_frame_list(&vec![0; 20 * (limits::FRAMES + 1)]).map_err(code),
        Err(Code::RequestTooLarge)
    );
    assert!(read_places(&[0; 24], 2).is_err());
}

#[test]
fn lengths_and_statuses_are_bounded() {
    let refused = |head: &[u8]| RecordReader::frames().next_record(&mut &head[..]).is_err();
    assert!(refused(&frame_header(limits::FRAME_RECORD as u32 + 1)));
    assert!(!refused(&frame_header(limits::FRAME_RECORD as u32)));
    assert!(refused(&record_header(STATUS_ERROR, CODE_MAX as u32 + 1)));
    assert!(refused(&record_header(2, 0)));
    let mut segment = &segment_header(limits::SEGMENT as u32 + 1)[..];
    assert!(RecordReader::segments().next_record(&mut segment).is_err());
}

#[test]
fn damage_survives_its_bytes() {
    let pack = PackId::from_bytes([7; 16]);
    let damaged = [Damaged::pack(pack), Damaged::frame(pack, 0), Damaged::frame(pack, 8191)];
    let body = write_damage(&damaged);
    assert_eq!(body.len(), 60);
    assert_eq!(read_damage(&body).unwrap(), damaged);
    assert_eq!(read_damage(&write_damage(&[])).unwrap(), []);
    assert!(read_damage(&body[..59]).is_err());
    let most = vec![0; limits::DAMAGED * FRAME_LEN];
    assert_eq!(read_damage(&most).unwrap().len(), limits::DAMAGED);
    let error = read_damage(&[most, vec![0; FRAME_LEN]].concat()).unwrap_err();
    assert_eq!(error.code(), model::Code::RequestTooLarge);
}
