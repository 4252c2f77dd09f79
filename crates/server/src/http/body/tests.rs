//! Bodies of requests: slow is fine, silent is not, and what is refused is still read.

use super::*;
use http_body_util::BodyExt;
use std::convert::Infallible;
use tokio::sync::mpsc::{Receiver, Sender, channel};

const IDLE: Duration = Duration::from_secs(30);

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
    (sender, IncomingBody::new(Parts(receiver), IDLE, finish))
}

#[tokio::test(start_paused = true)]
async fn a_slow_body_may_take_any_time() {
    let (sender, body) = body(true);
    let sending = tokio::spawn(async move {
        for _ in 0..100 {
            tokio::time::sleep(IDLE - Duration::from_secs(1)).await;
            sender.send(Bytes::from_static(b"x")).await.unwrap();
        }
    });
    assert_eq!(body.collect().await.unwrap().to_bytes().len(), 100);
    sending.await.unwrap();
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
