//! The engine's remote: one vault as one device sees it.

mod labels;

use crate::connection::Connection;
use crate::counter::CounterStore;
use crate::failure::failure;
use crate::request::Call;
use api::binary::{self, Record, RecordReader};
use api::runs::{CommitAnswer, LeaseAnswer, LeaseRequest, PackAnswer, SnapshotRow};
use api::{headers, limits, routes};
use bytes::Bytes;
use engine::remote::{Committed, IdSink, IndexIds, Lease, LogPosition, PackReceipt, Remote, RemoteError};
use format::frame::SealedFrame;
use format::ranges::Address;
use format::segment::Segment;
use model::{ChunkId, Code, Damaged, LeaseId, PackId, SetId, SnapshotId, VaultId};
use reqwest::Method;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

const JSON: Option<&str> = Some(headers::JSON);
const BINARY: Option<&str> = Some(headers::BINARY);

/// A vault at its server.
pub struct RemoteVault {
    connection: Arc<Connection>,
    vault: VaultId,
    counters: Box<dyn CounterStore>,
    /// Held during a grant: counters must be stored in the order in which they were given.
    granting: Mutex<()>,
    /// The counter of each lease granted here.
    leases: Mutex<HashMap<LeaseId, u64>>,
}

impl RemoteVault {
    /// The vault `vault` over a connection that has the device's credentials.
    pub fn new(connection: Arc<Connection>, vault: VaultId, counters: Box<dyn CounterStore>) -> Self {
        Self { connection, vault, counters, granting: Mutex::default(), leases: Mutex::default() }
    }

    /// The connection below.
    pub const fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// The snapshots with what only the server knows of them, such as the names of their devices.
    pub fn snapshot_rows(&self) -> Result<Vec<SnapshotRow>, RemoteError> {
        self.connection.json(&Call::new(Method::GET, routes::snapshots(self.vault), JSON))
    }

    /// The counter that came with the lease; the stored one for a lease of an earlier process.
    fn counter(&self, lease: LeaseId) -> Result<Option<u64>, RemoteError> {
        let known = self.leases.lock().unwrap_or_else(PoisonError::into_inner).get(&lease).copied();
        known.map_or_else(|| self.counters.load(), |counter| Ok(Some(counter)))
    }

    /// Asks for something of each frame that is wanted, which `read` makes of its record.
    fn stream_frames<T>(
        &self,
        path: &str,
        counter: Option<u64>,
        wanted: &[(PackId, u32)],
        read: impl Fn((PackId, u32), &[u8]) -> Result<T, RemoteError>,
        sink: &mut FrameSink<'_, T>,
    ) -> Result<(), RemoteError> {
        for batch in wanted.chunks(limits::FRAMES) {
            let mut done = 0;
            self.connection.repeat(|attempts| {
                // Frames that came before a connection broke are not asked for again.
                let call = Call::new(Method::POST, path.to_owned(), BINARY)
                    .counter(counter)
                    .binary(binary::write_frame_list(&batch[done..]).into());
                let mut passing = None;
                let ended = self.connection.records(&call, RecordReader::frames(), &mut |record| {
                    let Some(frame) = batch.get(done) else {
                        return Err(failure(Code::ResponseInvalid, "more frames than were asked for"));
                    };
                    let bytes = object(*frame, record);
                    // Asked again the store may give it.
                    if let Err(error) = &bytes
                        && error.code == Code::Internal
                    {
                        passing = Some(error.clone());
                        return Err(error.clone());
                    }
                    done += 1;
                    attempts.progress();
                    sink(*frame, bytes.and_then(|bytes| read(*frame, &bytes)))
                })?;
                match (passing, ended) {
                    (Some(passing), _) => Err(passing),
                    (None, Ok(())) if done < batch.len() => {
                        Err(failure(Code::ServerUnreachable, "the answer ended before its last frame"))
                    }
                    (None, ended) => Ok(ended),
                }
            })??;
        }
        Ok(())
    }

    fn read_frame(&self, asked: (PackId, u32), bytes: &[u8]) -> Result<SealedFrame, RemoteError> {
        let frame =
            SealedFrame::decode(bytes).map_err(|error| failure(Code::ResponseInvalid, error.to_string()))?;
        if frame.context.vault != self.vault || (frame.context.pack, frame.number) != asked {
            return Err(failure(Code::ResponseInvalid, "another frame than was asked for"));
        }
        Ok(frame)
    }
}

/// What a record holds; the error is what the server said instead.
fn object(asked: (PackId, u32), record: Record) -> Result<Vec<u8>, RemoteError> {
    match record {
        Record::Object(bytes) => Ok(bytes),
        Record::Refusal(code) => {
            let known = Code::parse(&code).unwrap_or(Code::DataDamaged);
            Err(failure(known, format!("frame {} of pack {}: {code}", asked.1, asked.0)))
        }
    }
}

type FrameSink<'a, T> = dyn FnMut((PackId, u32), Result<T, RemoteError>) -> Result<(), RemoteError> + 'a;

impl Remote for RemoteVault {
    fn vault(&self) -> VaultId {
        self.vault
    }

    fn grant(&self, set: SetId) -> Result<Lease, RemoteError> {
        let granting = self.granting.lock().unwrap_or_else(PoisonError::into_inner);
        let request = LeaseRequest { set, counter: self.counters.load()? };
        let call = Call::new(Method::POST, routes::leases(self.vault), JSON).json(&request)?;
        let answer: LeaseAnswer = self.connection.json(&call)?;
        self.counters.save(answer.counter)?;
        drop(granting);
        self.leases.lock().unwrap_or_else(PoisonError::into_inner).insert(answer.lease, answer.counter);
        Ok(Lease {
            id: answer.lease,
            position: LogPosition { incarnation: answer.incarnation.0, sequence: answer.sequence },
            deadline: answer.deadline,
            server_time: answer.server_time,
            data_ids: answer.data_ids,
            newest: answer.newest.into_iter().take(limits::NEWEST_SNAPSHOTS).collect(),
            has_damage: answer.has_damage,
        })
    }

    fn release(&self, lease: LeaseId) -> Result<(), RemoteError> {
        let counter = self.counter(lease)?;
        self.connection
            .nothing(&Call::new(Method::DELETE, routes::lease(self.vault, lease), None).counter(counter))?;
        self.leases.lock().unwrap_or_else(PoisonError::into_inner).remove(&lease);
        Ok(())
    }

    fn index(
        &self,
        after: Option<LogPosition>,
        ids: IndexIds,
        sink: &mut dyn FnMut(Segment) -> Result<(), RemoteError>,
    ) -> Result<(), RemoteError> {
        let mut position = after;
        self.connection.repeat(|attempts| {
            let mut path = routes::index(self.vault)
                + match ids {
                    IndexIds::All => "?ids=all",
                    IndexIds::Hunks => "?ids=hunks",
                };
            if let Some(LogPosition { incarnation, sequence }) = position {
                let incarnation = api::Incarnation(incarnation);
                path += &format!("&incarnation={incarnation}&after={sequence}");
            }
            self.connection.records(
                &Call::new(Method::GET, path, BINARY),
                RecordReader::segments(),
                &mut |record| {
                    let Record::Object(bytes) = record else { return Ok(()) };
                    let segment = Segment::decode(&bytes)
                        .map_err(|error| failure(Code::ResponseInvalid, error.to_string()))?;
                    let next = LogPosition { incarnation: segment.incarnation, sequence: segment.to };
                    sink(segment)?;
                    // A connection that breaks later is taken up from here.
                    position = Some(next);
                    attempts.progress();
                    Ok(())
                },
            )
        })?
    }

    fn damage(&self) -> Result<Vec<Damaged>, RemoteError> {
        let call = Call::new(Method::GET, routes::damage(self.vault), BINARY);
        let body = self.connection.binary(&call, 20 * limits::DAMAGED)?;
        binary::read_damage(&body).map_err(|error| failure(Code::ResponseInvalid, error.to_string()))
    }

    fn look_up(&self, lease: LeaseId, ids: &[ChunkId]) -> Result<Vec<Option<Address>>, RemoteError> {
        let mut places = Vec::with_capacity(ids.len());
        let counter = self.counter(lease)?;
        for batch in ids.chunks(limits::LOOKUP_IDS) {
            let call = Call::new(Method::POST, routes::lookup(self.vault, lease), BINARY)
                .counter(counter)
                .binary(binary::write_ids(batch).into());
            let body = self.connection.binary(&call, 24 * limits::LOOKUP_IDS)?;
            let found = binary::read_places(&body, batch.len())
                .map_err(|error| failure(Code::ResponseInvalid, error.to_string()))?;
            let address = |place: binary::Place| Address {
                pack: place.pack,
                frame: place.frame,
                ordinal: place.ordinal,
            };
            places.extend(found.into_iter().map(|place| place.map(address)));
        }
        Ok(places)
    }

    fn send_pack(&self, lease: LeaseId, pack: PackId, bytes: Bytes) -> Result<PackReceipt, RemoteError> {
        let length = bytes.len();
        let call = Call::new(Method::PUT, routes::pack(self.vault, lease, pack), JSON)
            .counter(self.counter(lease)?)
            .binary(bytes);
        let answer: PackAnswer = self.connection.json(&call)?;
        self.connection.acknowledged(length);
        Ok(PackReceipt { stored: answer.stored, sequence: answer.sequence })
    }

    fn commit(&self, lease: LeaseId, snapshot: SnapshotId, record: &[u8]) -> Result<Committed, RemoteError> {
        let call = Call::new(Method::PUT, routes::commit(self.vault, lease, snapshot), JSON)
            .counter(self.counter(lease)?)
            .binary(Bytes::copy_from_slice(record));
        let answer: CommitAnswer = self.connection.json(&call)?;
        self.connection.acknowledged(record.len());
        Ok(Committed { sequence: answer.sequence, time: answer.time })
    }

    fn snapshot(&self, id: SnapshotId) -> Result<Vec<u8>, RemoteError> {
        self.connection
            .binary(&Call::new(Method::GET, routes::snapshot(self.vault, id), BINARY), limits::SNAPSHOT)
    }

    fn frames(
        &self,
        snapshot: SnapshotId,
        wanted: &[(PackId, u32)],
        sink: &mut dyn FnMut((PackId, u32), Result<SealedFrame, RemoteError>) -> Result<(), RemoteError>,
    ) -> Result<(), RemoteError> {
        let path = routes::snapshot_frames(self.vault, snapshot);
        self.stream_frames(&path, None, wanted, |asked, bytes| self.read_frame(asked, bytes), sink)
    }

    fn frame_ids(
        &self,
        snapshot: SnapshotId,
        wanted: &[(PackId, u32)],
        sink: &mut IdSink<'_>,
    ) -> Result<(), RemoteError> {
        let read = |_, bytes: &[u8]| {
            binary::read_ids(bytes).map_err(|error| failure(Code::ResponseInvalid, error.to_string()))
        };
        self.stream_frames(&routes::snapshot_ids(self.vault, snapshot), None, wanted, read, sink)
    }

    fn sample_frames(
        &self,
        lease: LeaseId,
        wanted: &[(PackId, u32)],
        sink: &mut dyn FnMut((PackId, u32), Result<SealedFrame, RemoteError>) -> Result<(), RemoteError>,
    ) -> Result<(), RemoteError> {
        let (path, counter) = (routes::lease_frames(self.vault, lease), self.counter(lease)?);
        self.stream_frames(&path, counter, wanted, |asked, bytes| self.read_frame(asked, bytes), sink)
    }
}

impl fmt::Debug for RemoteVault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteVault").field("vault", &self.vault).finish_non_exhaustive()
    }
}
