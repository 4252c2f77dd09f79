//! Paths as bytes; modes and owners by path.

use platform::{path, permissions, process};

#[test]
fn any_bytes_are_a_path_and_come_back() {
    let bytes = b"/a\xff/\n b\xf0\x9f";
    assert_eq!(path::bytes(path::from_bytes(bytes)), bytes);
    assert_eq!(path::bytes(&path::from_vec(bytes.to_vec())), bytes);
    assert_eq!(path::bytes("plain"), b"plain");
    assert_eq!(path::bytes(path::from_bytes(bytes).file_name().unwrap()), b"\n b\xf0\x9f");
}

#[test]
fn modes_are_set_and_files_are_made_with_theirs() {
    let temp = tempfile::tempdir().unwrap();
    let file = temp.path().join("file");
    assert!(permissions::mode(&file).unwrap_err().is_not_found());
    permissions::create_new_file(&file, 0o600).unwrap();
    assert_eq!(permissions::mode(&file), Ok(0o600));
    assert_eq!(permissions::owner(&file), process::effective_uid());
    assert!(permissions::create_new_file(&file, 0o600).unwrap_err().is_already_exists());
    permissions::set_mode(&file, 0o4642).unwrap();
    assert_eq!(permissions::mode(&file), Ok(0o4642));
    let link = temp.path().join("link");
    std::os::unix::fs::symlink("file", &link).unwrap();
    permissions::set_mode(&link, 0o700).unwrap();
    assert_eq!(permissions::mode(&file), Ok(0o700), "the link is followed");
}
