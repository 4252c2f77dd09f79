//! The desktop with real parts: a message bus of the test's own, a notification daemon that really shows things, and
//! doubles of daemon and tray that tell what reached them.

mod daemon;
mod dunst;
mod kit;
mod popups;
mod tray;
