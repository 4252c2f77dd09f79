//! The status of a device: a state machine that is fed with what happened and says which notices hold.
//!
//! Two tables are the machine. [`RULES`] says for each event in which steps of a run it can happen, where it leads, and
//! which notices it raises and clears. [`STANDING`] lists the notices that hold as long as something is so, such as a
//! pause. `docs/status.md` is made from both. [`State::apply`] looks things up there and knows no notice by itself.
//!
//! No input or output, and no clock: whoever feeds it says when.

mod end;
mod event;
mod facts;
mod held;
mod machine;
mod refusal;
mod rule;
mod rules;
mod standing;
mod state;
mod step;
mod transition;
mod view;

pub use end::End;
pub use event::{Asker, Canceler, Event, Kind};
pub use facts::{Backup, Pause, Run};
pub use held::Held;
pub use refusal::{Refusal, Why};
pub use rule::{Does, Effect, Need, Rule, Source, When};
pub use rules::RULES;
pub use standing::{Holds, STANDING, Standing};
pub use state::State;
pub use step::Step;
pub use transition::{Change, Transition};
pub use view::{Reader, Shown, Status};
