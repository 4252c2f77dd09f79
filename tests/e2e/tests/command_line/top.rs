//! `holdfast top`: the largest folders of a real backup, and those that grew.

use crate::shape::{assert_error, shape};
use e2e::Site;
use model::Code;
use std::fs;

#[test]
fn the_largest_folders_and_those_that_grew_are_told() {
    let site = Site::new();
    let root = site.path("documents");
    fs::create_dir_all(root.join("photos/2026")).unwrap();
    fs::create_dir(root.join("text")).unwrap();
    fs::write(root.join("photos/2026/a.jpg"), vec![1; 50_000]).unwrap();
    fs::hard_link(root.join("photos/2026/a.jpg"), root.join("photos/best.jpg")).unwrap();
    fs::write(root.join("text/letter"), vec![2; 1000]).unwrap();
    let agent = site.device("laptop");
    let rows = |arguments: &[&str]| agent.run([&["--json", "top"], arguments].concat()).ok().events();
    let told = |arguments: &[&str], field: &str| -> Vec<(String, serde_json::Value)> {
        let name = |row: &serde_json::Value| {
            let path = std::path::Path::new(row["path"].as_str().unwrap());
            path.file_name().unwrap().to_string_lossy().into_owned()
        };
        rows(arguments).iter().map(|row| (name(row), row[field].clone())).collect()
    };
    let first = agent.backup(&[&root])["snapshot"].as_str().unwrap().to_owned();
    assert_error(agent.run(["--json", "top", "--growth"]), Code::SnapshotUnknown);
    let expected = [("documents", 51_000), ("photos", 50_000), ("2026", 50_000), ("text", 1000)]
        .map(|(name, bytes)| (name.to_owned(), bytes.into()));
    assert_eq!(told(&[], "bytes"), expected);
    assert_eq!(told(&["latest", "--count", "1"], "files"), [("documents".to_owned(), 3.into())]);
    assert_eq!(told(&[&format!("{first}:{}/text", root.display())], "bytes"), expected[3..]);
    assert_eq!(shape(&rows(&[])[0]), "bytes:whole entries:whole files:whole path:text");

    fs::write(root.join("text/letter"), vec![2; 4000]).unwrap();
    fs::create_dir(root.join("music")).unwrap();
    fs::write(root.join("music/song"), vec![3; 500]).unwrap();
    agent.backup(&[&root]);
    let expected = [("documents", 3500), ("text", 3000), ("music", 500)]
        .map(|(name, bytes)| (name.to_owned(), bytes.into()));
    assert_eq!(told(&["--growth"], "growth_bytes"), expected);
    assert_eq!(told(&["--since", &first], "growth_bytes"), expected);
    let grown = rows(&["--growth"]);
    assert_eq!(
        shape(&grown[0]),
        "bytes:whole entries:whole files:whole growth_bytes:whole old_bytes:whole path:text"
    );
    assert!(grown[2]["old_bytes"].is_null());

    let text = agent.run(["top", "--set", "documents"]).ok();
    assert!(text.stdout.lines().next().unwrap().contains("53.2 KiB           4 files  /"), "{text}");
    let text = agent.run(["top", "--growth"]).ok();
    assert!(text.stderr.contains(&format!("growth since snapshot {}", &first[..8])), "{text}");
    assert!(text.stdout.contains("new -> 500 B"), "{text}");
    assert!(agent.run(["top", "--since", "latest"]).ok().stderr.contains("No folder grew."));
    assert_error(agent.run(["--json", "top", "latest:/never"]), Code::PathMissing);
    assert_error(agent.run(["--json", "top", "--since", "latest:/a"]), Code::Usage);
}
