//! Bodies of requests: slow is fine, silent is not, and what is refused is still read.

use super::*;
use http_body_util::BodyExt;
use std::convert::Infallible;
use tokio::sync::mpsc::{Receiver, Sender, channel};

const IDLE: Duration = Duration::from_secs(30);
const GRACE: Duration = Duration::from_secs(60);
const RATE: u64 = 4 << 10;

/// A body whose parts come from a channel.
struct Parts(Receiver<Bytes>);

impl HttpBody for Parts {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|part| part.map(|bytes| Ok(Frame::data(bytes))))
    }
}

fn body(finish: bool) -> (Sender<Bytes>, IncomingBody<Parts>) {
    let (sender, receiver) = channel(1);
    let patience = Patience { idle: IDLE, grace: GRACE, rate: RATE };
    (sender, IncomingBody::new(Parts(receiver), patience, finish))
}

#[tokio::test(start_paused = true)]
async fn a_slow_body_may_take_any_time() {
    let (sender, body) = body(true);
    let second = IDLE.as_secs() - 1;
    let part = Bytes::from(vec![0; (RATE * second) as usize]);
    let length = part.len();
    let sending = tokio::spawn(async move {
        for _ in 0..100 {
            tokio::time::sleep(Duration::from_secs(second)).await;
            sender.send(part.clone()).await.unwrap();
        }
    });
    assert_eq!(body.collect().await.unwrap().to_bytes().len(), 100 * length);
    sending.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_trickle_is_given_up() {
    let (sender, mut body) = body(true);
    let sending = tokio::spawn(async move {
        let step = IDLE - Duration::from_secs(1);
        while sender.send(Bytes::from_static(b"x")).await.is_ok() {
            tokio::time::sleep(step).await;
        }
    });
    let start = Instant::now();
    let error = loop {
        if let Err(error) = body.frame().await.unwrap() {
            break axum::Error::new(error);
        }
    };
    assert!(BodySlow::is_cause_of(&error) && !BodyIdle::is_cause_of(&error));
    assert!(start.elapsed() >= GRACE && start.elapsed() < GRACE + IDLE, "{:?}", start.elapsed());
    drop(body);
    sending.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_time_in_which_the_server_works_is_not_the_peers() {
    let (sender, mut body) = body(true);
    for _ in 0..10 {
        sender.send(Bytes::from_static(b"x")).await.unwrap();
        assert!(body.frame().await.unwrap().is_ok());
        tokio::time::sleep(GRACE).await;
    }
    drop(sender);
    assert!(body.frame().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_refused_trickle_is_not_read_for_long() {
    let (sender, dropped) = body(true);
    drop(dropped);
    let start = Instant::now();
    while sender.send(Bytes::from_static(b"x")).await.is_ok() {
        tokio::time::sleep(LEFTOVER_IDLE - Duration::from_secs(1)).await;
    }
    assert!(start.elapsed() < GRACE + IDLE, "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_silent_body_is_given_up() {
    let (sender, mut body) = body(true);
    sender.send(Bytes::from_static(b"x")).await.unwrap();
    assert!(body.frame().await.unwrap().is_ok());
    let start = Instant::now();
    let error = axum::Error::new(body.frame().await.unwrap().unwrap_err());
    assert!(BodyIdle::is_cause_of(&error));
    assert!(start.elapsed() >= IDLE);
    assert!(body.frame().await.is_none());
    assert!(!BodyIdle::is_cause_of(&axum::Error::new(std::io::Error::other("another"))));
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_is_read_to_its_end() {
    let (sender, dropped) = body(true);
    drop(dropped);
    for _ in 0..64 {
        sender.send(Bytes::from(vec![0; 1 << 20])).await.unwrap();
    }
    sender.send(Bytes::from_static(b"beyond the bound")).await.unwrap();
    assert!(sender.send(Bytes::new()).await.is_err());

    let (sender, dropped) = body(true);
    drop(dropped);
    tokio::time::sleep(LEFTOVER_IDLE * 2).await;
    assert!(sender.send(Bytes::new()).await.is_err());

    let (sender, dropped) = body(false);
    drop(dropped);
    assert!(sender.send(Bytes::new()).await.is_err());
}
