//! The icon in the tray: what it shows, and the thread that keeps it there.
//!
//! It has a thread of its own, so that a tray that hangs holds up no pop-up.

use crate::Held;
use crate::icons::{WORST_FIRST, draw};
use crate::wording::{Words, without_access_keys, without_markup};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use ksni::blocking::{Handle, TrayMethods};
use ksni::menu::{MenuItem, StandardItem, SubMenu};
use notices::{Action, Category, Icon, PauseSpan};
use std::time::Duration;
use std::{io, thread};

/// The sizes of the pixel pictures: those of usual panels, also on dense screens.
const SIZES: [usize; 4] = [16, 22, 32, 48];

/// How often it is tried to show an icon that could not be shown.
const RETRY: Duration = Duration::from_secs(60);

/// What the icon shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Face {
    /// The worst class of what holds.
    pub(crate) icon: Icon,
    /// The user has to act.
    pub(crate) is_urgent: bool,
    /// The status line; none while nothing is known.
    pub(crate) line: Option<Words>,
    /// What stands beside it.
    pub(crate) beside: Vec<Words>,
    /// What the user can do now.
    pub(crate) possible: Vec<Action>,
}

impl Face {
    /// Of all that holds, the icon and whether the user has to act.
    pub(crate) fn worst(holding: &[Held]) -> (Icon, bool) {
        let has = |icon: &&Icon| holding.iter().any(|held| held.notice.icon == **icon);
        let icon = WORST_FIRST.iter().find(has).copied().unwrap_or(Icon::Info);
        let asks = |held: &Held| matches!(held.notice.category, Category::Critical | Category::High);
        (icon, holding.iter().any(asks))
    }
}

/// The icon, or none.
pub(crate) struct Tray(Sender<Order>);

#[derive(PartialEq)]
enum Order {
    /// Shows this, or takes the icon away.
    Show(Option<Face>),
    /// The bus is gone, and what was shown with it.
    Lost,
    /// There is a bus, where it may be worth another try.
    Found,
}

impl Tray {
    /// Shows nothing yet. `asked` is told what the user chooses.
    pub(crate) fn start(asked: impl Fn(Action) + Clone + Send + 'static) -> io::Result<Self> {
        let (orders, received) = unbounded();
        thread::Builder::new().name("tray".into()).spawn(move || keep(&received, &asked))?;
        Ok(Self(orders))
    }

    pub(crate) fn show(&self, face: Option<Face>) {
        self.order(Order::Show(face));
    }

    pub(crate) fn lost(&self) {
        self.order(Order::Lost);
    }

    pub(crate) fn found(&self) {
        self.order(Order::Found);
    }

    fn order(&self, order: Order) {
        if self.0.send(order).is_err() {
            tracing::error!("the tray's thread has ended");
        }
    }
}

fn keep<A: Fn(Action) + Clone + Send + 'static>(orders: &Receiver<Order>, asked: &A) {
    let mut wanted: Option<Face> = None;
    let mut shown: Option<Shown<A>> = None;
    loop {
        let first = if wanted.is_some() && shown.is_none() {
            orders.recv_timeout(RETRY)
        } else {
            orders.recv().map_err(|_| RecvTimeoutError::Disconnected)
        };
        if first == Err(RecvTimeoutError::Disconnected) {
            return take_away(shown);
        }
        // Of several only the newest matters.
        for order in first.into_iter().chain(orders.try_iter()) {
            match order {
                Order::Show(face) => wanted = face,
                Order::Lost => take_away(shown.take()),
                Order::Found => {}
            }
        }
        let Some(face) = &wanted else {
            take_away(shown.take());
            continue;
        };
        shown = match shown {
            Some((handle, drawn)) if drawn == *face => Some((handle, drawn)),
            Some((handle, _)) if handle.update(|item| item.face = face.clone()).is_some() => {
                Some((handle, face.clone()))
            }
            _ => {
                // Without a tray the item waits for one.
                let item = Item { face: face.clone(), asked: asked.clone() }.assume_sni_available(true);
                let told = |error: &ksni::Error| tracing::debug!(%error, "there is no tray");
                item.spawn().inspect_err(told).ok().map(|handle| (handle, face.clone()))
            }
        };
    }
}

/// The icon, and what it shows.
type Shown<A> = (Handle<Item<A>>, Face);

fn take_away<A>(shown: Option<Shown<A>>) {
    if let Some((handle, _)) = shown {
        handle.shutdown().wait();
    }
}

/// The item as the library asks for it.
struct Item<A> {
    face: Face,
    asked: A,
}

impl<A: Fn(Action) + Clone + Send + 'static> Item<A> {
    fn pictures(&self) -> Vec<ksni::Icon> {
        let picture = |size| {
            let mut data = draw(self.face.icon, size).rgba;
            // The tray wants alpha first.
            data.chunks_exact_mut(4).for_each(|pixel| pixel.rotate_right(1));
            ksni::Icon { width: size as i32, height: size as i32, data }
        };
        SIZES.map(picture).into()
    }

    fn can(&self, action: Action) -> bool {
        self.face.possible.contains(&action)
    }

    fn entry(&self, action: Action, label: &str) -> MenuItem<Self> {
        StandardItem {
            label: without_access_keys(label),
            enabled: self.can(action),
            activate: Box::new(move |item: &mut Self| (item.asked)(action)),
            ..StandardItem::default()
        }
        .into()
    }
}

impl<A: Fn(Action) + Clone + Send + 'static> ksni::Tray for Item<A> {
    fn id(&self) -> String {
        "holdfast".into()
    }

    fn title(&self) -> String {
        "Holdfast".into()
    }

    fn category(&self) -> ksni::Category {
        ksni::Category::SystemServices
    }

    fn status(&self) -> ksni::Status {
        if self.face.is_urgent { ksni::Status::NeedsAttention } else { ksni::Status::Active }
    }

    fn icon_pixmap(&self) -> Vec<ksni::Icon> {
        self.pictures()
    }

    fn attention_icon_pixmap(&self) -> Vec<ksni::Icon> {
        self.pictures()
    }

    fn tool_tip(&self) -> ksni::ToolTip {
        let Some(line) = &self.face.line else {
            return ksni::ToolTip { title: self.title(), ..ksni::ToolTip::default() };
        };
        let beside = self.face.beside.iter().map(Words::line);
        let texts: Vec<_> = line.sub_status.iter().cloned().chain(beside).collect();
        ksni::ToolTip {
            title: line.status.clone(),
            description: without_markup(&texts.join("\n")),
            ..ksni::ToolTip::default()
        }
    }

    /// A click on the icon itself.
    fn activate(&mut self, _: i32, _: i32) {
        (self.asked)(Action::Open);
    }

    fn menu(&self) -> Vec<MenuItem<Self>> {
        let status = self.face.line.iter().chain(&self.face.beside).map(|words| {
            let label = without_access_keys(&words.line());
            StandardItem { label, enabled: false, ..StandardItem::default() }.into()
        });
        let run = if self.can(Action::Cancel) { Action::Cancel } else { Action::BackUpNow };
        let spans = PauseSpan::ALL.map(|span| self.entry(Action::Pause(span), span.label()));
        let pause = if self.can(Action::Resume) {
            self.entry(Action::Resume, Action::Resume.label())
        } else {
            SubMenu {
                label: Action::Pause(PauseSpan::Hour).label().into(),
                enabled: PauseSpan::ALL.iter().any(|span| self.can(Action::Pause(*span))),
                submenu: spans.into(),
                ..SubMenu::default()
            }
            .into()
        };
        let mut menu: Vec<_> = status.collect();
        menu.extend([MenuItem::Separator, self.entry(run, run.label()), pause, MenuItem::Separator]);
        menu.extend(
            [Action::Restore, Action::Open, Action::Settings]
                .map(|action| self.entry(action, action.label())),
        );
        menu
    }
}
