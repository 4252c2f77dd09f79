//! The pictures of the icon classes, drawn here: pixels for the tray, and files for notification daemons, which do not
//! all find named icons.
//!
//! Each class has an outline of its own, so that nobody has to tell colours apart.

mod shapes;

use notices::Icon;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// The classes, those that matter most first.
pub(crate) const WORST_FIRST: [Icon; 5] =
    [Icon::Amber, Icon::Info, Icon::Paused, Icon::InProgress, Icon::Success];

/// The width and height of the picture in a file.
const FILE_SIZE: usize = 64;

/// Each pixel is the mean of this many points in each direction.
const POINTS: usize = 4;

/// A square picture, four bytes a pixel (red, green, blue, alpha), the top row first.
pub(crate) struct Picture {
    pub(crate) size: usize,
    pub(crate) rgba: Vec<u8>,
}

/// Draws a class, this many pixels wide and high.
pub(crate) fn draw(icon: Icon, size: usize) -> Picture {
    let mut rgba = Vec::with_capacity(size * size * 4);
    for row in 0..size {
        for column in 0..size {
            rgba.extend(pixel(icon, size, column, row));
        }
    }
    Picture { size, rgba }
}

/// The mean colour of the points of a pixel, with as much alpha as points that have one.
fn pixel(icon: Icon, size: usize, column: usize, row: usize) -> [u8; 4] {
    let place = |pixel: usize, point: usize| ((pixel * POINTS + point) as f32 + 0.5) / (size * POINTS) as f32;
    let (mut sum, mut count) = ([0_u32; 3], 0_u32);
    for (down, across) in (0..POINTS).flat_map(|down| (0..POINTS).map(move |across| (down, across))) {
        if let Some(colour) = shapes::colour(icon, place(column, across), place(row, down)) {
            count += 1;
            for (sum, part) in sum.iter_mut().zip(colour) {
                *sum += u32::from(part);
            }
        }
    }
    let mean = |sum: u32| u8::try_from(sum.checked_div(count).unwrap_or(0)).unwrap_or(u8::MAX);
    let alpha = count * 255 / (POINTS * POINTS) as u32;
    [mean(sum[0]), mean(sum[1]), mean(sum[2]), u8::try_from(alpha).unwrap_or(u8::MAX)]
}

/// The folder with the pictures as PNG files.
pub(crate) struct IconFolder(PathBuf);

impl IconFolder {
    /// A folder that need not exist.
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// The file of a class, which is written when it is not there: the folder may be emptied at any time.
    pub(crate) fn file(&self, icon: Icon) -> io::Result<PathBuf> {
        let name = match icon {
            Icon::Success => "success",
            Icon::InProgress => "in-progress",
            Icon::Paused => "paused",
            Icon::Info => "info",
            Icon::Amber => "amber",
        };
        let path = self.0.join(format!("{name}.png"));
        if !path.exists() {
            std::fs::create_dir_all(&self.0)?;
            let unfinished = self.0.join(format!(".{name}.{}", std::process::id()));
            write_png(&unfinished, &draw(icon, FILE_SIZE))?;
            std::fs::rename(&unfinished, &path)?;
        }
        Ok(path)
    }
}

fn write_png(path: &Path, picture: &Picture) -> io::Result<()> {
    let side = u32::try_from(picture.size).map_err(io::Error::other)?;
    let mut encoder = png::Encoder::new(File::create(path)?, side, side);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&picture.rgba)?;
    Ok(writer.finish()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The share of pixels in which two pictures' outlines differ.
    fn difference(a: &Picture, b: &Picture) -> f32 {
        let outlines = a.rgba.chunks(4).zip(b.rgba.chunks(4));
        let differing = outlines.filter(|(a, b)| a[3].abs_diff(b[3]) > 128).count();
        differing as f32 / (a.size * a.size) as f32
    }

    #[test]
    fn outlines_differ_without_any_colour() {
        for size in [16, 22, 48] {
            let pictures = WORST_FIRST.map(|icon| draw(icon, size));
            for (number, picture) in pictures.iter().enumerate() {
                assert_eq!(picture.rgba.len(), size * size * 4);
                for other in &pictures[..number] {
                    assert!(difference(picture, other) > 0.05, "{number} at {size}");
                }
            }
        }
    }

    #[test]
    fn the_order_of_what_matters_knows_every_class() {
        let used: std::collections::HashSet<_> =
            notices::catalogue::all().iter().map(|notice| notice.icon).collect();
        assert!(used.iter().all(|icon| WORST_FIRST.contains(icon)));
    }

    #[test]
    fn files_hold_what_was_drawn_and_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let icons = IconFolder::new(folder.path().join("deep/icons"));
        for icon in WORST_FIRST {
            let path = icons.file(icon).unwrap();
            let mut reader =
                png::Decoder::new(io::BufReader::new(File::open(&path).unwrap())).read_info().unwrap();
            let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
            reader.next_frame(&mut bytes).unwrap();
            assert!(bytes == draw(icon, FILE_SIZE).rgba, "{icon:?}");
            std::fs::remove_file(&path).unwrap();
            assert!(icons.file(icon).unwrap().exists());
        }
        assert_eq!(std::fs::read_dir(folder.path().join("deep/icons")).unwrap().count(), 5, "nothing else");
    }
}
