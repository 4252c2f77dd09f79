//! Outlines and signs of the icon classes, in a square of side 1 with its origin at the top left.

use notices::Icon;

type Colour = [u8; 3];

const GREEN: Colour = [0x2b, 0x9a, 0x4b];
const BLUE: Colour = [0x2a, 0x7a, 0xd2];
const GREY: Colour = [0x6f, 0x76, 0x80];
const AMBER: Colour = [0xf5, 0xa3, 0x0b];
const LIGHT: Colour = [0xff, 0xff, 0xff];
const DARK: Colour = [0x2d, 0x1e, 0x00];

/// The colour of a point; none outside the outline.
pub(super) fn colour(icon: Icon, x: f32, y: f32) -> Option<Colour> {
    match icon {
        // A disc with a tick.
        Icon::Success => {
            disc(x, y, 0.48).then(|| if line(x, y, TICK[0]) || line(x, y, TICK[1]) { LIGHT } else { GREEN })
        }
        // An arrow that goes up, in a ring.
        Icon::InProgress => {
            let ring = disc(x, y, 0.48) && !disc(x, y, 0.38);
            (ring || arrow(x, y)).then_some(BLUE)
        }
        // Two bars.
        Icon::Paused => ((0.18..0.42).contains(&x) || (0.58..0.82).contains(&x))
            .then_some(GREY)
            .filter(|_| (0.1..0.9).contains(&y)),
        // A square that stands on its corner, with an i.
        Icon::Info => ((x - 0.5).abs() + (y - 0.5).abs() < 0.5)
            .then(|| if letter(x, y, 0.28, 0.40..0.74) { LIGHT } else { BLUE }),
        // A triangle with an exclamation mark.
        Icon::Amber => triangle(x, y).then(|| if letter(x, y, 0.80, 0.36..0.68) { DARK } else { AMBER }),
    }
}

/// A stroke from one point to another.
type Stroke = ((f32, f32), (f32, f32));

const TICK: [Stroke; 2] = [((0.27, 0.52), (0.44, 0.68)), ((0.44, 0.68), (0.74, 0.34))];

/// Half the width of a stroke.
const STROKE: f32 = 0.065;

fn disc(x: f32, y: f32, radius: f32) -> bool {
    (x - 0.5).hypot(y - 0.5) < radius
}

fn line(x: f32, y: f32, ((x1, y1), (x2, y2)): Stroke) -> bool {
    let (dx, dy) = (x2 - x1, y2 - y1);
    let along = (((x - x1) * dx + (y - y1) * dy) / (dx * dx + dy * dy)).clamp(0.0, 1.0);
    (x - x1 - along * dx).hypot(y - y1 - along * dy) < STROKE
}

fn arrow(x: f32, y: f32) -> bool {
    let head = (0.22..0.5).contains(&y) && (x - 0.5).abs() < (y - 0.22) * 0.85;
    let shaft = (0.5..0.76).contains(&y) && (x - 0.5).abs() < 0.09;
    head || shaft
}

/// A dot at this height, and a bar.
fn letter(x: f32, y: f32, dot: f32, bar: std::ops::Range<f32>) -> bool {
    (x - 0.5).hypot(y - dot) < 0.075 || ((x - 0.5).abs() < 0.06 && bar.contains(&y))
}

fn triangle(x: f32, y: f32) -> bool {
    (0.05..0.95).contains(&y) && (x - 0.5).abs() < (y - 0.05) * 0.54
}
