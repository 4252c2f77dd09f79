//! Labels of snapshots: sealed objects that the server keeps and cannot open.

use super::{BINARY, RemoteVault};
use crate::failure::failure;
use crate::request::Call;
use api::binary::{self, Record, RecordReader};
use api::{Hash, routes};
use engine::remote::RemoteError;
use model::{Code, SnapshotId};
use reqwest::Method;
use std::collections::HashMap;

impl RemoteVault {
    /// The objects with the labels of all snapshots that have one.
    pub fn labels(&self) -> Result<HashMap<SnapshotId, Vec<u8>>, RemoteError> {
        self.read_labels(routes::labels(self.vault))
    }

    /// The object with the labels of one snapshot.
    pub fn labels_of(&self, snapshot: SnapshotId) -> Result<Option<Vec<u8>>, RemoteError> {
        Ok(self.read_labels(routes::snapshot_labels(self.vault, snapshot))?.remove(&snapshot))
    }

    /// Stores such an object in place of the one with this hash, or of none; refused with [`Code::LabelsChanged`] when
    /// another one is there.
    pub fn put_labels(
        &self,
        snapshot: SnapshotId,
        replaces: Option<Hash>,
        object: Vec<u8>,
    ) -> Result<(), RemoteError> {
        let mut path = routes::snapshot_labels(self.vault, snapshot);
        if let Some(replaces) = replaces {
            path += &format!("?replaces={replaces}");
        }
        self.connection.nothing(&Call::new(Method::PUT, path, None).binary(object.into()))
    }

    fn read_labels(&self, path: String) -> Result<HashMap<SnapshotId, Vec<u8>>, RemoteError> {
        let call = Call::new(Method::GET, path, BINARY);
        self.connection.repeat(|_| {
            let mut found = HashMap::new();
            let ended = self.connection.records(&call, RecordReader::labels(), &mut |record| {
                if let Record::Object(bytes) = record {
                    let (id, object) = binary::read_labels(&bytes)
                        .map_err(|error| failure(Code::ResponseInvalid, error.to_string()))?;
                    found.insert(id, object.to_vec());
                }
                Ok(())
            })?;
            ended.map(|()| found)
        })
    }
}
