//! Streams of records behind their lengths: the size of the pieces that arrive does not matter, and what was read
//! is what was sent.

use crate::memory::{BASE, within};
use api::binary::{self, Record, RecordReader};

const RESERVE: usize = 1 << 20;

pub(super) fn run(input: &[u8]) -> bool {
    let Some((first, stream)) = input.split_first() else { return false };
    let with_status = first & 1 == 1;
    let piece = usize::from(first >> 1) + 1;
    let whole = read(with_status, stream, stream.len().max(1));
    assert_eq!(whole, read(with_status, stream, piece), "pieces of {piece} bytes");
    let sent: Vec<u8> = whole.records.iter().flat_map(|record| write(with_status, record)).collect();
    assert!(stream.starts_with(&sent));
    assert!(whole.is_refused || whole.is_between == (sent.len() == stream.len()));
    !whole.records.is_empty() && !whole.is_refused && whole.is_between
}

#[derive(Debug, PartialEq)]
struct Outcome {
    records: Vec<Record>,
    is_refused: bool,
    is_between: bool,
}

fn read(with_status: bool, stream: &[u8], piece: usize) -> Outcome {
    within(BASE + RESERVE + 200 * stream.len(), || {
        let mut reader = if with_status { RecordReader::frames() } else { RecordReader::segments() };
        let mut outcome = Outcome { records: Vec::new(), is_refused: false, is_between: false };
        'pieces: for mut part in stream.chunks(piece) {
            loop {
                match reader.next_record(&mut part) {
                    Ok(Some(record)) => outcome.records.push(record),
                    Ok(None) => break,
                    Err(_) => {
                        outcome.is_refused = true;
                        break 'pieces;
                    }
                }
            }
            assert!(part.is_empty(), "bytes were left without a record");
        }
        outcome.is_between = outcome.is_refused || reader.is_between();
        outcome
    })
}

fn write(with_status: bool, record: &Record) -> Vec<u8> {
    let (status, bytes) = match record {
        Record::Object(bytes) => (0, &bytes[..]),
        Record::Refusal(code) => (1, code.as_bytes()),
    };
    let length = bytes.len() as u32;
    let mut out = if with_status { vec![status] } else { Vec::new() };
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(bytes);
    out
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let segments = [&[2][..], &binary::segment_header(3), b"abc", &binary::segment_header(0)].concat();
    let refusal = binary::frame_refusal(model::Code::RequestInvalid);
    let frames = [&[7][..], &binary::frame_header(4), b"abcd", &refusal].concat();
    vec![segments, frames]
}
