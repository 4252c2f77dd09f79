//! A folder goes to the server and comes back, as a new user would do it.

use e2e::random::Random;
use e2e::{Site, tree};

#[test]
fn a_folder_goes_to_the_server_and_comes_back() {
    let site = Site::new();
    let documents = site.path("documents");
    let mut random = Random::new();
    tree::make(&documents, 300, &mut random);
    let agent = site.device("laptop");

    let first = agent.backup(&[&documents]);
    assert_eq!(first["files"], 300);
    assert!(first["stored_bytes"].as_u64().unwrap() > 0);
    assert_eq!(first["findings"], 0);

    let target = site.path("restored");
    agent.restore(&format!("latest:{}", documents.display()), &target);
    tree::assert_equal(&documents, &target);

    tree::change(&documents, 10, &mut random);
    let second = agent.backup(&[&documents]);
    assert!(second["new_bytes"].as_u64() < first["new_bytes"].as_u64());
    let whole = site.path("whole");
    agent.restore("latest", &whole);
    tree::assert_equal(&documents, &whole.join(documents.strip_prefix("/").unwrap()));

    let listed = agent.snapshots();
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[0]["id"], second["snapshot"]);
    site.server.verify();
}
