//! Chunks whose content a worker holds until the server has said whether the vault has them, and the batches that wait
//! for these chunks.

use super::item::{Batch, Item, Location, Stored};
use format::ranges::Address;
use model::ChunkId;
use std::collections::VecDeque;

/// Content that is held before the server is asked, in bytes.
const CONTENT_MAX: usize = 8 << 20;
/// Ids of one question; the server takes no more.
const IDS_MAX: usize = 16_384;

/// What a worker holds. Each chunk that waits has a number, and each number an answer in the end, whatever became of
/// the file that the chunk is of.
#[derive(Default)]
pub(super) struct Waiting {
    question: Question,
    /// The answers from the number `first` on.
    answers: VecDeque<Address>,
    first: u64,
    /// Batches, and the number of the last chunk of each that waits.
    batches: VecDeque<(Batch, Option<u64>)>,
}

/// Chunks to be asked for.
#[derive(Default)]
pub(super) struct Question {
    ids: Vec<ChunkId>,
    lengths: Vec<usize>,
    content: Vec<u8>,
}

impl Question {
    pub(super) fn ids(&self) -> &[ChunkId] {
        &self.ids
    }

    /// The chunks in their order.
    pub(super) fn chunks(&self) -> impl Iterator<Item = (ChunkId, &[u8])> {
        let mut rest = &self.content[..];
        self.ids.iter().zip(&self.lengths).map(move |(id, length)| {
            let (content, after) = rest.split_at(*length);
            rest = after;
            (*id, content)
        })
    }
}

impl Waiting {
    /// Holds a chunk.
    pub(super) fn push(&mut self, id: ChunkId, content: &[u8]) -> Location {
        let number = self.answered() + self.question.ids.len() as u64;
        self.question.ids.push(id);
        self.question.lengths.push(content.len());
        self.question.content.extend_from_slice(content);
        Location::Waits(number)
    }

    /// Whether the server is to be asked before more is held.
    pub(super) fn is_full(&self) -> bool {
        self.question.content.len() >= CONTENT_MAX || self.question.ids.len() >= IDS_MAX
    }

    /// The chunks that are held; each is answered next, in order.
    pub(super) fn take_question(&mut self) -> Question {
        std::mem::take(&mut self.question)
    }

    /// Notes where the next chunk lies.
    pub(super) fn answer(&mut self, address: Address) {
        self.answers.push_back(address);
    }

    /// Takes the room of a question for the next one.
    pub(super) fn give_back(&mut self, mut question: Question) {
        question.ids.clear();
        question.lengths.clear();
        question.content.clear();
        self.question = question;
    }

    /// Takes a batch and gives those that are complete.
    pub(super) fn pass(&mut self, batch: Batch) -> Vec<Batch> {
        let last = batch.items.iter().filter_map(last_number).max();
        self.batches.push_back((batch, last));
        self.complete()
    }

    /// The batches from the first on whose chunks were all answered.
    pub(super) fn complete(&mut self) -> Vec<Batch> {
        let mut complete = Vec::new();
        while let Some((mut batch, last)) = self.batches.pop_front() {
            if last.is_some_and(|last| last >= self.answered()) {
                self.batches.push_front((batch, last));
                break;
            }
            if let Some(last) = last {
                batch.items = batch.items.into_iter().map(|item| self.fill(item)).collect();
                // Smaller numbers are of batches that went before.
                self.answers.drain(..=(last - self.first) as usize);
                self.first = last + 1;
            }
            complete.push(batch);
        }
        complete
    }

    /// The item with the answers for its chunks.
    pub(super) fn fill(&self, item: Item) -> Item {
        let Item::Waiting(entry, mut stored) = item else { return item };
        self.fill_in(&mut stored);
        Item::of(entry, stored)
    }

    /// Puts answers in the place of their numbers.
    pub(super) fn fill_in(&self, stored: &mut Stored) {
        for (_, location) in stored {
            if let Location::Waits(number) = *location
                && let Some(answer) = self.answers.get((number - self.first) as usize)
            {
                *location = Location::Known(*answer);
            }
        }
    }

    /// The number after the last answer.
    fn answered(&self) -> u64 {
        self.first + self.answers.len() as u64
    }
}

fn last_number(item: &Item) -> Option<u64> {
    let Item::Waiting(_, stored) = item else { return None };
    let numbers = stored.iter().filter_map(|(_, location)| match location {
        Location::Waits(number) => Some(*number),
        Location::Known(_) => None,
    });
    numbers.max()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::tests::plain_entry;
    use model::PackId;
    use smallvec::smallvec;

    fn id(number: u8) -> ChunkId {
        ChunkId::from_bytes([number; 16])
    }

    fn at(ordinal: u32) -> Address {
        Address { pack: PackId::from_bytes([9; 16]), frame: 0, ordinal }
    }

    fn item(stored: Stored) -> Item {
        Item::of(Box::new(plain_entry("/a")), stored)
    }

    /// Answers everything that is held with consecutive places.
    fn answer_all(waiting: &mut Waiting, next: &mut u32) {
        let question = waiting.take_question();
        for (_, content) in question.chunks() {
            assert_eq!(content, b"content");
            waiting.answer(at(*next));
            *next += 1;
        }
        waiting.give_back(question);
    }

    fn places(batches: Vec<Batch>) -> Vec<(u64, Vec<u32>)> {
        let of = |batch: Batch| {
            let ordinals = batch.items.into_iter().flat_map(|item| {
                let Item::Entry(entry, _) = item else { panic!("not complete") };
                entry.content.addresses().map(|address| address.ordinal).collect::<Vec<_>>()
            });
            (batch.number, ordinals.collect())
        };
        batches.into_iter().map(of).collect()
    }

    #[test]
    fn chunks_get_their_own_answers_whatever_became_of_others() {
        let mut waiting = Waiting::default();
        let mut next = 0;
        let hold = |waiting: &mut Waiting, number| (id(number), waiting.push(id(number), b"content"));
        let first =
            smallvec![hold(&mut waiting, 0), (id(1), Location::Known(at(100))), hold(&mut waiting, 2)];
        assert!(waiting.pass(Batch { number: 0, items: vec![item(first)] }).is_empty());
        // A file that could not be read to its end: its chunks are answered, and nobody wants to know.
        hold(&mut waiting, 3);
        hold(&mut waiting, 4);
        answer_all(&mut waiting, &mut next);
        let second = smallvec![hold(&mut waiting, 5)];
        let third = Batch { number: 2, items: vec![item(smallvec![(id(1), Location::Known(at(100)))])] };
        let complete = waiting.pass(Batch { number: 1, items: vec![item(second)] });
        assert_eq!(places(complete), [(0, vec![0, 100, 1])]);
        assert!(waiting.pass(third).is_empty());
        answer_all(&mut waiting, &mut next);
        assert_eq!(places(waiting.complete()), [(1, vec![4]), (2, vec![100])]);
        assert!(waiting.answers.is_empty() && waiting.first == 5);
    }

    #[test]
    fn what_is_held_is_bounded() {
        let mut waiting = Waiting::default();
        let chunk = vec![0; 1 << 20];
        for number in 0..8 {
            assert!(!waiting.is_full(), "{number}");
            waiting.push(id(number), &chunk);
        }
        assert!(waiting.is_full());
        let mut waiting = Waiting::default();
        for _ in 0..16_383 {
            waiting.push(id(1), b"");
        }
        assert!(!waiting.is_full());
        waiting.push(id(1), b"");
        assert!(waiting.is_full());
    }
}
