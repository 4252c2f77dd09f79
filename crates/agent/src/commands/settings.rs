//! `holdfast settings`: what the user chooses within the policy.

use super::{Context, Outcome};
use crate::AgentError;
use crate::change::{SettingsChange, categories};
use crate::state::State;
use crate::state::identity::Identity;
use crate::state::policy::policy_in_force;
use crate::state::settings::Settings;
use clap::{Args, Subcommand, ValueEnum};
use notices::Category;
use serde::Serialize;

/// Show or change what you choose yourself
#[derive(Debug, Args)]
#[command(
    after_help = "Without a command it shows what holds. The status line always says everything; the choice is of what comes up on the
desktop beside it.

Examples:
  holdfast settings
  holdfast settings notifications informative on
  holdfast settings notifications default"
)]
pub(crate) struct SettingsArgs {
    /// What to change
    #[command(subcommand)]
    command: Option<SettingsCommand>,
}

#[derive(Debug, Subcommand)]
enum SettingsCommand {
    /// Choose which notices come up on the desktop
    #[command(
        after_help = "docs/notices.md says which notice is of which category. Critical ones can be switched off only where the
administrator allows it.

Examples:
  holdfast settings notifications high off
  holdfast settings notifications default"
    )]
    Notifications {
        /// The category, or 'default' for what the administrator says
        #[arg(value_enum)]
        category: CategoryWord,
        /// Whether its notices come up
        #[arg(value_enum, required_unless_present_any = ["category"])]
        switch: Option<Switch>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum CategoryWord {
    Critical,
    High,
    Warning,
    Informative,
    Default,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Switch {
    On,
    Off,
}

impl CategoryWord {
    const fn category(self) -> Option<Category> {
        match self {
            Self::Critical => Some(Category::Critical),
            Self::High => Some(Category::High),
            Self::Warning => Some(Category::Warning),
            Self::Informative => Some(Category::Informative),
            Self::Default => None,
        }
    }
}

#[derive(Debug, Serialize)]
struct Document {
    /// The categories that come up.
    notifications: Vec<String>,
    /// Whether the user chose them.
    chosen: bool,
}

pub(crate) fn run(args: &SettingsArgs, context: &Context) -> Result<Outcome, AgentError> {
    let state = State::locate()?;
    if let Some(SettingsCommand::Notifications { category, switch }) = &args.command {
        change(*category, *switch)?.make(&state)?;
    }
    Identity::read(&state)?;
    let choices = Settings::read(&state)?.choices;
    let (policy, origins) = policy_in_force(&state);
    let (policy, _) = policy.with_choices(origins, &choices);
    let notifications: Vec<_> = categories(policy.notifications).iter().map(ToString::to_string).collect();
    let document = Document { notifications, chosen: choices.notifications.is_some() };
    context.output.print(&document, |out| {
        let by = if document.chosen { "your choice" } else { "as usual" };
        let listed = match document.notifications.join(", ") {
            listed if listed.is_empty() => "none".to_owned(),
            listed => listed,
        };
        writeln!(out, "Notices that come up on the desktop: {listed} ({by})")
    })?;
    Ok(Outcome::Complete)
}

fn change(category: CategoryWord, switch: Option<Switch>) -> Result<SettingsChange, AgentError> {
    match (category.category(), switch) {
        (None, None) => Ok(SettingsChange::NotifyAsUsual),
        (Some(category), Some(switch)) => Ok(SettingsChange::Notify { category, on: switch == Switch::On }),
        (None, Some(_)) => Err(AgentError::Usage("'default' stands alone".into())),
        (Some(_), None) => Err(AgentError::Usage("say whether its notices come up: on or off".into())),
    }
}
