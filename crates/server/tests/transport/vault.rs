//! The engine's remote against a server of this test: what is sent, what is kept, and how a stream goes on.

use crate::support::{TestServer, clock, patient, refuse};
use api::activation::{ActivateAnswer, ActivateRequest, NewDevice, OpenVault};
use api::binary::{self, Place};
use api::runs::{CommitAnswer, IndexQuery, LeaseAnswer, LeaseRequest, PackAnswer, SnapshotRow};
use api::vaults::{CreateVaultRequest, Holder, VaultAnswer, WrappedKey};
use api::{Blob, Credential, Incarnation, Problem, Secret, headers, routes};
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, DefaultBodyLimit, Path, Query, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post, put};
use axum::{Json, Router};
use client::{Connection, CounterStore, Options, RemoteError, RemoteVault, RetryPolicy, VaultCreation};
use engine::remote::{IndexIds, LogPosition, Remote};
use format::frame::{FrameContext, PackKind, SealedFrame};
use format::ranges::Address;
use format::segment::{Change, ChangeKind, Segment};
use futures_util::{StreamExt, stream};
use model::{
    ChunkId, Code, Custody, DeviceId, LeaseId, PackId, ServerId, SetId, SnapshotId, UserId, VaultId,
};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const INCARNATION: [u8; 16] = [9; 16];

/// What the server was told, and what it shall do.
#[derive(Default)]
struct Told {
    counters: Vec<Option<u64>>,
    leases: Vec<Option<u64>>,
    packs: Vec<(PackId, Bytes, u16)>,
    indexes: Vec<(Option<u64>, api::runs::IndexIds)>,
    frame_lists: Vec<usize>,
    /// Answers with frames break off after this many.
    frames_at_once: Option<usize>,
    /// How often frame 15 cannot be given yet.
    withheld: u32,
    key: Option<Bytes>,
    ended: u32,
}

#[derive(Clone)]
struct Fake {
    vault: VaultId,
    told: Arc<Mutex<Told>>,
    both_lanes: Arc<tokio::sync::Barrier>,
}

fn binary_answer(bytes: impl Into<Body>) -> Response {
    ([(CONTENT_TYPE, headers::BINARY)], bytes.into()).into_response()
}

fn counter(headers: &HeaderMap) -> Option<u64> {
    headers.get(headers::COUNTER).map(|value| value.to_str().unwrap().parse().unwrap())
}

/// A body of this part that then breaks off. The pause lets the part leave first: hyper drops what it has not
/// written when a body fails.
fn broken(part: Vec<u8>) -> Response {
    let breaks = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        Err(std::io::Error::from(std::io::ErrorKind::BrokenPipe))
    };
    let parts = stream::iter([Ok(Bytes::from(part))]).chain(stream::once(breaks));
    binary_answer(Body::from_stream(parts))
}

async fn lease(State(fake): State<Fake>, Json(request): Json<LeaseRequest>) -> Json<LeaseAnswer> {
    let mut told = fake.told.lock().unwrap();
    told.leases.push(request.counter);
    Json(LeaseAnswer {
        lease: LeaseId::from_bytes([request.set.as_bytes()[0]; 16]),
        incarnation: Incarnation(INCARNATION),
        sequence: 4,
        deadline: clock().now(),
        server_time: clock().now(),
        counter: request.counter.map_or(1, |counter| counter + 1),
        data_ids: 9,
        newest: vec![row(fake.vault).id],
        has_damage: true,
    })
}

async fn pack(
    State(fake): State<Fake>,
    Path((vault, _lease, pack)): Path<(VaultId, LeaseId, PackId)>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    assert_eq!(vault, fake.vault);
    if pack == PackId::from_bytes([0xff; 16]) {
        return refuse(&Problem::new(Code::StorageFull, "no space"));
    }
    // Two uploads must be under way at once, so each needs a connection of its own.
    fake.both_lanes.wait().await;
    let mut told = fake.told.lock().unwrap();
    told.counters.push(counter(&headers));
    told.packs.push((pack, body, peer.port()));
    Json(PackAnswer { stored: true, sequence: told.packs.len() as u64 }).into_response()
}

async fn commit(State(fake): State<Fake>, headers: HeaderMap, body: Bytes) -> Response {
    fake.told.lock().unwrap().counters.push(counter(&headers));
    if body.is_empty() {
        let missing = vec![(PackId::from_bytes([3; 16]), 7)];
        return refuse(&Problem::new(Code::RangesMissing, "1 frame").missing(missing));
    }
    Json(CommitAnswer { sequence: 12, time: clock().now() }).into_response()
}

async fn look_up(State(fake): State<Fake>, headers: HeaderMap, body: Bytes) -> Response {
    fake.told.lock().unwrap().counters.push(counter(&headers));
    let place = |id: ChunkId| {
        let pack = PackId::from_bytes(*id.as_bytes());
        (id.as_bytes()[0] % 2 == 1).then_some(Place { pack, frame: 5, ordinal: 6 })
    };
    let ids = binary::read_ids(&body).unwrap();
    binary_answer(binary::write_places(&ids.into_iter().map(place).collect::<Vec<_>>()))
}

fn segment(number: u64) -> Segment {
    let change = Change {
        sequence: number,
        kind: ChangeKind::Retired,
        pack: PackId::from_bytes([1; 16]),
        frames: vec![number as u32],
    };
    Segment::of_changes(INCARNATION, number, vec![change])
}

/// Five segments; each answer breaks off in the second one it holds.
async fn index(State(fake): State<Fake>, Query(query): Query<IndexQuery>) -> Response {
    let after = query.position().unwrap();
    fake.told.lock().unwrap().indexes.push((after.map(|(_, after)| after), query.ids));
    if after.is_some_and(|(incarnation, _)| incarnation != Incarnation(INCARNATION)) {
        return refuse(&Problem::new(Code::IndexGap, "another incarnation"));
    }
    let next = after.map_or(1, |(_, after)| after + 1);
    let mut out = Vec::new();
    for number in next..=5 {
        let bytes = segment(number).encode();
        out.extend_from_slice(&binary::segment_header(bytes.len() as u32));
        out.extend_from_slice(&bytes);
        if number > next {
            out.truncate(out.len() - 10);
            return broken(out);
        }
    }
    binary_answer(out)
}

fn frame(vault: VaultId, pack: PackId, number: u32) -> SealedFrame {
    let context = FrameContext { vault, pack, kind: PackKind::Data, key_generation: 1, salt: [2; 32] };
    SealedFrame {
        context,
        number,
        ids: vec![ChunkId::from_bytes([number as u8; 16])],
        references: Vec::new(),
        ciphertext: vec![number as u8; 1_000],
    }
}

/// Frame 13 is damaged; frame 14 comes from another vault.
async fn frames(State(fake): State<Fake>, headers: HeaderMap, body: Bytes) -> Response {
    let wanted = binary::read_frame_list(&body).unwrap();
    let mut told = fake.told.lock().unwrap();
    told.counters.push(counter(&headers));
    told.frame_lists.push(wanted.len());
    let mut out = Vec::new();
    for (at, (pack, number)) in wanted.iter().enumerate() {
        if told.frames_at_once == Some(at) {
            out.extend_from_slice(&[0, 1]);
            return broken(out);
        }
        if *number == 13 {
            out.extend(binary::frame_refusal(Code::DataDamaged));
            continue;
        }
        if *number == 15 && told.withheld > 0 {
            told.withheld -= 1;
            out.extend(binary::frame_refusal(Code::Internal));
            continue;
        }
        let vault = if *number == 14 { VaultId::from_bytes([0; 16]) } else { fake.vault };
        let bytes = frame(vault, *pack, *number).encode();
        out.extend_from_slice(&binary::frame_header(bytes.len() as u32));
        out.extend_from_slice(&bytes);
    }
    binary_answer(out)
}

fn row(vault: VaultId) -> SnapshotRow {
    SnapshotRow {
        id: SnapshotId::from_bytes(*vault.as_bytes()),
        device: DeviceId::from_bytes([2; 16]),
        device_name: "laptop".into(),
        set: SetId::from_bytes([3; 16]),
        sequence: 12,
        time: clock().now(),
        complete: true,
        files: 3,
        bytes: u64::MAX,
        findings: 1,
    }
}

async fn create(State(fake): State<Fake>, Json(request): Json<CreateVaultRequest>) -> Response {
    if request.vault == fake.vault {
        return (StatusCode::CREATED, Json(api::vaults::CreateVaultAnswer { vault: fake.vault }))
            .into_response();
    }
    refuse(&Problem::new(Code::VaultExists, "another device was first").vault(fake.vault))
}

async fn activate(State(fake): State<Fake>, Json(request): Json<ActivateRequest>) -> Response {
    request.device.check().unwrap();
    if request.token_secret != Secret::from_bytes([1; 32]) {
        return refuse(&Problem::new(Code::TokenUnknown, "no such token"));
    }
    let answer = ActivateAnswer {
        device_id: DeviceId::from_bytes([2; 16]),
        user_id: UserId::from_bytes([5; 16]),
        user: "ada".into(),
        vault: Some(OpenVault { id: fake.vault, custody: Custody::Managed }),
        custody_default: Custody::Managed,
        org_recipient: "age1org".into(),
        server_id: ServerId::from_bytes([7; 16]),
        server_time: clock().now(),
    };
    (StatusCode::CREATED, Json(answer)).into_response()
}

async fn put_key(State(fake): State<Fake>, body: Bytes) -> StatusCode {
    fake.told.lock().unwrap().key = Some(body);
    StatusCode::NO_CONTENT
}

async fn get_key(State(fake): State<Fake>, Path((_, holder)): Path<(VaultId, Holder)>) -> Response {
    match (&fake.told.lock().unwrap().key, holder) {
        (Some(key), Holder::Device(_)) => binary_answer(key.clone()),
        _ => refuse(&Problem::new(Code::KeyMissing, "no key for this holder")),
    }
}

async fn end(State(fake): State<Fake>, headers: HeaderMap) -> StatusCode {
    fake.told.lock().unwrap().ended += 1;
    Credential::parse(headers[AUTHORIZATION].to_str().unwrap()).unwrap();
    assert_eq!(headers[headers::PROTOCOL], "1");
    StatusCode::NO_CONTENT
}

fn router(fake: Fake) -> Router {
    let snapshots = |State(fake): State<Fake>| async move { Json(vec![row(fake.vault)]) };
    let record = || async { binary_answer(vec![1, 2, 3]) };
    let vault = |State(fake): State<Fake>| async move {
        Json(VaultAnswer { id: fake.vault, custody: Custody::Private, format_record: Blob(vec![8]) })
    };
    Router::new()
        .route(routes::LEASES, post(lease))
        .route(routes::LEASE, delete(end))
        .route(routes::PACK, put(pack))
        .route(routes::COMMIT, put(commit))
        .route(routes::LOOKUP, post(look_up))
        .route(routes::INDEX, get(index))
        .route(routes::SNAPSHOT_FRAMES, post(frames))
        .route(routes::LEASE_FRAMES, post(frames))
        .route(routes::SNAPSHOTS, get(snapshots))
        .route(routes::SNAPSHOT, get(record))
        .route(routes::VAULTS, post(create))
        .route(routes::VAULT, get(vault))
        .route(routes::KEY, put(put_key).get(get_key))
        .route(routes::ACTIVATE, post(activate))
        .route(routes::DEACTIVATE, post(end))
        .layer(DefaultBodyLimit::max(api::limits::PACK))
        .with_state(fake)
}

/// A counter in memory that remembers what it was told.
#[derive(Clone, Default)]
struct Counter(Arc<Mutex<Vec<u64>>>);

impl CounterStore for Counter {
    fn load(&self) -> Result<Option<u64>, RemoteError> {
        Ok(self.0.lock().unwrap().last().copied())
    }

    fn save(&self, counter: u64) -> Result<(), RemoteError> {
        self.0.lock().unwrap().push(counter);
        Ok(())
    }
}

struct Rig {
    _server: TestServer,
    fake: Fake,
    counter: Counter,
    connection: Arc<Connection>,
    remote: RemoteVault,
}

fn rig() -> Rig {
    let fake = Fake {
        vault: VaultId::random(),
        told: Arc::default(),
        both_lanes: Arc::new(tokio::sync::Barrier::new(2)),
    };
    let server = TestServer::with(router(fake.clone()), patient());
    let credential = Credential { device: DeviceId::random(), secret: Secret::random() };
    let options = Options { credential: Some(credential), retry: RetryPolicy::brief(), ..server.options() };
    let connection = Arc::new(Connection::open(options).unwrap());
    let counter = Counter::default();
    let remote = RemoteVault::new(connection.clone(), fake.vault, Box::new(counter.clone()));
    Rig { _server: server, fake, counter, connection, remote }
}

fn set(byte: u8) -> SetId {
    SetId::from_bytes([byte; 16])
}

#[test]
fn the_counter_is_stored_and_goes_with_its_lease() {
    let rig = rig();
    let first = rig.remote.grant(set(1)).unwrap();
    let second = rig.remote.grant(set(2)).unwrap();
    assert_eq!(*rig.counter.0.lock().unwrap(), [1, 2]);
    assert_eq!(first.position, LogPosition { incarnation: INCARNATION, sequence: 4 });
    assert_eq!(first.data_ids, 9);
    let commit = |lease| rig.remote.commit(lease, SnapshotId::random(), b"record").unwrap();
    assert_eq!(commit(first.id).sequence, 12);
    commit(second.id);
    commit(LeaseId::random());
    rig.remote.look_up(first.id, &[ChunkId::from_bytes([1; 16])]).unwrap();
    rig.remote.release(first.id).unwrap();
    let told = rig.fake.told.lock().unwrap();
    assert_eq!(told.leases, [None, Some(1)]);
    assert_eq!(told.counters, [Some(1), Some(2), Some(2), Some(1)]);
    assert_eq!(told.ended, 1);
}

#[test]
fn a_counter_that_cannot_be_stored_stops_the_run() {
    struct Full;
    impl CounterStore for Full {
        fn load(&self) -> Result<Option<u64>, RemoteError> {
            Ok(None)
        }
        fn save(&self, _counter: u64) -> Result<(), RemoteError> {
            Err(RemoteError::new(Code::DiskFull, ""))
        }
    }
    let rig = rig();
    let remote = RemoteVault::new(rig.connection.clone(), rig.fake.vault, Box::new(Full));
    assert_eq!(remote.grant(set(1)).unwrap_err().code, Code::DiskFull);
}

#[test]
fn packs_go_over_connections_of_their_own() {
    let rig = rig();
    let lease = rig.remote.grant(set(1)).unwrap().id;
    let packs = [[1u8; 16], [2; 16]].map(|id| (PackId::from_bytes(id), Bytes::from(vec![id[0]; 20 << 20])));
    std::thread::scope(|scope| {
        for (pack, bytes) in &packs {
            let remote = &rig.remote;
            scope.spawn(move || {
                let receipt = remote.send_pack(lease, *pack, bytes.clone()).unwrap();
                assert!(receipt.stored);
            });
        }
    });
    let traffic = rig.connection.traffic();
    assert_eq!((traffic.acknowledged_bytes, traffic.acknowledged_objects), (40 << 20, 2));
    assert!(traffic.sent_bytes > 40 << 20 && traffic.sent_bytes < (40 << 20) + 1_000, "{traffic:?}");
    let mut told = rig.fake.told.lock().unwrap();
    told.packs.sort_by_key(|(pack, ..)| *pack);
    for (sent, (pack, bytes, _)) in packs.iter().zip(&told.packs) {
        assert!(sent.0 == *pack && sent.1 == *bytes);
    }
    assert_ne!(told.packs[0].2, told.packs[1].2);
    assert_eq!(told.counters, [Some(1), Some(1)]);
    drop(told);

    let full = rig.remote.send_pack(lease, PackId::from_bytes([0xff; 16]), Bytes::from_static(b"x"));
    let error = full.unwrap_err();
    assert_eq!(error.code, Code::StorageFull);
    assert_eq!(rig.connection.traffic().acknowledged_objects, 2);
}

#[test]
fn a_refused_commit_names_what_is_missing() {
    let rig = rig();
    let lease = rig.remote.grant(set(1)).unwrap().id;
    let error = rig.remote.commit(lease, SnapshotId::random(), b"").unwrap_err();
    assert_eq!(error.code, Code::RangesMissing);
    assert_eq!(error.missing, [(PackId::from_bytes([3; 16]), 7)]);
}

#[test]
fn look_ups_keep_their_order_over_batches() {
    let rig = rig();
    let lease = rig.remote.grant(set(1)).unwrap().id;
    let ids: Vec<_> = (0..40_000u32)
        .map(|n| {
            let mut id = [0; 16];
            id[..4].copy_from_slice(&n.to_le_bytes());
            ChunkId::from_bytes(id)
        })
        .collect();
    let found = rig.remote.look_up(lease, &ids).unwrap();
    for (id, place) in ids.iter().zip(&found) {
        let pack = PackId::from_bytes(*id.as_bytes());
        let expected = Address { pack, frame: 5, ordinal: 6 };
        assert_eq!(*place, (id.as_bytes()[0] % 2 == 1).then_some(expected));
    }
    assert_eq!(found.len(), ids.len());
    assert!(rig.remote.look_up(lease, &[]).unwrap().is_empty());
}

#[test]
fn the_log_goes_on_where_the_connection_broke() {
    let rig = rig();
    let mut numbers = Vec::new();
    let all = |numbers: &mut Vec<u64>, after| {
        rig.remote.index(after, IndexIds::Hunks, &mut |segment| {
            assert_eq!(segment, self::segment(segment.from));
            numbers.push(segment.to);
            Ok(())
        })
    };
    all(&mut numbers, None).unwrap();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
    let asked = [None, Some(1), Some(2), Some(3), Some(4)].map(|after| (after, api::runs::IndexIds::Hunks));
    assert_eq!(rig.fake.told.lock().unwrap().indexes, asked);

    let other = LogPosition { incarnation: [0; 16], sequence: 3 };
    assert_eq!(all(&mut numbers, Some(other)).unwrap_err().code, Code::IndexGap);
}

#[test]
fn an_error_of_the_sink_ends_the_call_and_is_not_repeated() {
    let rig = rig();
    let mut calls = 0;
    let error = rig.remote.index(None, IndexIds::All, &mut |_| {
        calls += 1;
        // Even one that would be repeated if it came from the network.
        rig.connection.health().map(drop)
    });
    assert_eq!((error.unwrap_err().code, calls), (Code::ResponseInvalid, 1));
    assert_eq!(rig.fake.told.lock().unwrap().indexes, [(None, api::runs::IndexIds::All)]);
}

#[test]
fn frames_come_once_each_whatever_breaks() {
    let rig = rig();
    rig.fake.told.lock().unwrap().frames_at_once = Some(1_500);
    let pack = PackId::from_bytes([4; 16]);
    let wanted: Vec<_> = (100..5_100).map(|number| (pack, number)).collect();
    let mut seen = Vec::new();
    rig.remote
        .frames(SnapshotId::random(), &wanted, &mut |asked, answer| {
            assert_eq!(answer.unwrap(), frame(rig.fake.vault, asked.0, asked.1));
            seen.push(asked);
            Ok(())
        })
        .unwrap();
    assert_eq!(seen, wanted);
    assert_eq!(rig.fake.told.lock().unwrap().frame_lists, [4_096, 2_596, 1_096, 904]);
}

#[test]
fn a_frame_that_the_store_fails_to_give_is_asked_for_again_and_no_other_is() {
    let rig = rig();
    let pack = PackId::from_bytes([4; 16]);
    let wanted = [(pack, 1), (pack, 15), (pack, 2)];
    let fetch = |withheld| {
        rig.fake.told.lock().unwrap().withheld = withheld;
        rig.fake.told.lock().unwrap().frame_lists.clear();
        let mut seen = Vec::new();
        let ended = rig.remote.frames(SnapshotId::random(), &wanted, &mut |asked, answer| {
            answer.unwrap();
            seen.push(asked);
            Ok(())
        });
        let asked = rig.fake.told.lock().unwrap().frame_lists.clone();
        (ended.map_err(|error| error.code), seen, asked)
    };
    assert_eq!(fetch(2), (Ok(()), wanted.to_vec(), vec![3, 2, 2]));
    let (ended, seen, _) = fetch(u32::MAX);
    assert_eq!((ended, seen), (Err(Code::Internal), wanted[..1].to_vec()), "not told as damaged");
}

#[test]
fn a_damaged_frame_does_not_hide_the_rest() {
    let rig = rig();
    let lease = rig.remote.grant(set(1)).unwrap().id;
    let pack = PackId::from_bytes([4; 16]);
    let wanted: Vec<_> = (12..16).map(|number| (pack, number)).collect();
    let mut seen = Vec::new();
    let mut sink = |(_, number): (PackId, u32), answer: Result<SealedFrame, RemoteError>| {
        seen.push((number, answer.map(|frame| frame.number).map_err(|error| error.code)));
        Ok(())
    };
    rig.remote.sample_frames(lease, &wanted, &mut sink).unwrap();
    let expected =
        [(12, Ok(12)), (13, Err(Code::DataDamaged)), (14, Err(Code::ResponseInvalid)), (15, Ok(15))];
    assert_eq!(seen, expected);
    assert_eq!(rig.fake.told.lock().unwrap().counters, [Some(1)]);
}

#[test]
fn snapshots_are_listed_and_read() {
    let rig = rig();
    let rows = rig.remote.snapshot_rows().unwrap();
    assert_eq!(rows, [row(rig.fake.vault)]);
    assert_eq!(rig.remote.snapshot(rows[0].id).unwrap(), [1, 2, 3]);
}

#[test]
fn a_device_begins_and_ends() {
    let rig = rig();
    let secret = Secret::random();
    let mut request = ActivateRequest {
        token_secret: Secret::from_bytes([1; 32]),
        device: NewDevice {
            name: "laptop".into(),
            os: "Debian".into(),
            recipient: "age1device".into(),
            secret_hash: secret.hash(),
        },
    };
    let answer = rig.connection.activate(&request).unwrap();
    assert_eq!(answer.vault, Some(OpenVault { id: rig.fake.vault, custody: Custody::Managed }));
    request.token_secret = secret;
    assert_eq!(rig.connection.activate(&request).unwrap_err().code, Code::TokenUnknown);
    rig.connection.deactivate().unwrap();
    assert_eq!(rig.fake.told.lock().unwrap().ended, 1);
}

#[test]
fn vaults_are_created_once_and_hold_keys() {
    let rig = rig();
    let own = Holder::Device(answer_device());
    let mut request = CreateVaultRequest {
        vault: rig.fake.vault,
        custody: Custody::Managed,
        format_record: Blob(vec![8]),
        keys: vec![WrappedKey { holder: own, bytes: Blob(vec![1]) }],
    };
    assert_eq!(rig.connection.create_vault(&request).unwrap(), VaultCreation::Created);
    request.vault = VaultId::random();
    assert_eq!(rig.connection.create_vault(&request).unwrap(), VaultCreation::Exists(rig.fake.vault));

    let vault = rig.connection.vault(rig.fake.vault).unwrap();
    assert_eq!(
        (vault.id, vault.custody, vault.format_record),
        (rig.fake.vault, Custody::Private, Blob(vec![8]))
    );
    assert_eq!(rig.connection.key(rig.fake.vault, own).unwrap_err().code, Code::KeyMissing);
    rig.connection.put_key(rig.fake.vault, own, b"age file".to_vec()).unwrap();
    assert_eq!(rig.connection.key(rig.fake.vault, own).unwrap(), b"age file");
}

fn answer_device() -> DeviceId {
    DeviceId::from_bytes([2; 16])
}

#[test]
fn the_limits_of_protocol_and_format_agree() {
    assert_eq!(api::limits::PACK, format::limits::PACK_MAX);
    assert_eq!(api::limits::SNAPSHOT, format::limits::SNAPSHOT_MAX);
    assert_eq!(api::limits::SEGMENT, format::limits::SEGMENT_MAX);
    assert_eq!(api::limits::SMALL_OBJECT, format::limits::SMALL_OBJECT_MAX);
    // Kind, ids, salt and numbers; the ids of chunks; the clear lists of hunks, which are not longer than the hunks.
    let frame = format::limits::FRAME_SEALED_MAX + 16 * format::limits::FRAME_CHUNKS_MAX + 128;
    assert!(api::limits::FRAME_RECORD > frame + format::limits::FRAME_CONTENT_MAX);
}
