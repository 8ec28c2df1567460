//! Starting, stopping, and what stands in the way of a start.

use std::fs;
use std::net::TcpListener;

use resound_lambda_kit::aws::{Clients, Settings};
use resound_lambda_kit::config::Vars;
use serde_json::json;

use crate::system::{Folder, System, refused};

#[test]
fn a_stop_and_a_start_change_nothing() {
    let folder = Folder::new();
    let system = System::start(&folder, &[]);
    let post = |system: &System| {
        let ask = system
            .post("/v1/feedback")
            .header("Idempotency-Key", "kept-over-restarts");
        ask.json(&json!({"text": "It broke.", "contact": {"email": "a@example.com"}}))
            .send()
            .expect(201)
            .json()
    };
    let receipt = post(&system);
    let id = receipt["id"].as_str().unwrap();
    let token = system.token("agent");
    system
        .staff("agent")
        .command(id, &json!({"command": "reply", "message": "Sorry!"}));
    system.advance("P2DT3H");
    let before = system.now();
    let mail = system.mail(id);
    system.stop();

    let system = System::start(&folder, &[]);
    assert!(system.now() >= before, "time goes on where it was");
    let clock = system.get("/_local/clock").send().expect(200).json();
    assert_eq!(clock["offset"], "PT51H");
    assert_eq!(post(&system)["id"], receipt["id"]);
    assert_eq!(system.mail(id), mail);
    let case = system
        .get(&format!("/v1/cases/{id}"))
        .bearer(&token)
        .send()
        .expect(200);
    assert_eq!(case.json()["state"], "acknowledged");
    system.advance("PT1M");
    assert_eq!(system.mail(id), mail);
}

#[test]
fn the_aws_port_is_the_next_one_and_speaks_to_an_ordinary_client() {
    let folder = Folder::new();
    // Two free ports in a row, which somebody else may take before we do.
    let system = (0..20).find_map(|_| {
        let http = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = http.local_addr().unwrap().port();
        let next = TcpListener::bind(("127.0.0.1", port.checked_add(1)?)).ok()?;
        drop((http, next));
        let data = folder.data();
        let arguments = [
            "--port",
            &port.to_string(),
            "--data",
            data.to_str().unwrap(),
        ];
        let system = System::start_as(&folder, &arguments);
        assert_eq!(system.http, format!("127.0.0.1:{port}"));
        assert_eq!(system.aws, format!("127.0.0.1:{}", port + 1));
        Some(system)
    });
    let system = system.unwrap();
    assert!(system.welcome.contains("/f/default") && system.welcome.contains("/_local/mailbox"));
    let vars = Vars::from_pairs([
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_ENDPOINT_URL", format!("http://{}", system.aws)),
        ("AWS_ACCESS_KEY_ID", "any".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "any".to_owned()),
    ]);
    let settings = vars.read(Settings::read).unwrap();
    let clients = Clients::new(&settings);
    system.feedback(&json!({"nps": 3}));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let tables = clients.dynamodb.list_tables().send().await.unwrap();
        let [table] = tables.table_names() else {
            panic!("{tables:?}");
        };
        let table = clients
            .dynamodb
            .describe_table()
            .table_name(table)
            .send()
            .await
            .unwrap();
        assert_eq!(table.table().unwrap().global_secondary_indexes().len(), 4);
        let queues = clients.sqs.client().list_queues().send().await.unwrap();
        for name in ["customer-notices", "staff-alerts"] {
            assert!(
                queues.queue_urls().iter().any(|url| url.ends_with(name)),
                "{queues:?}"
            );
        }
    });
}

#[test]
fn what_stands_in_the_way_is_said_in_one_sentence() {
    let folder = Folder::new();
    let data = folder.data();
    let data = data.to_str().unwrap();
    let system = System::start(&folder, &[]);
    let said = refused(&["--port", "0", "--data", data]);
    assert!(
        said.contains(data) && said.contains("in use by another process"),
        "{said}"
    );

    let other = Folder::new();
    let free = other.data();
    let free = free.to_str().unwrap();
    let busy = system.http.rsplit(':').next().unwrap();
    let said = refused(&["--port", busy, "--data", free]);
    assert!(said.contains(busy) && said.contains("in use"), "{said}");
    // The port is free and the next is not.
    let blocker = (0..50).find_map(|_| {
        let first = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = first.local_addr().unwrap().port();
        let next = TcpListener::bind(("127.0.0.1", port.checked_add(1)?)).ok()?;
        Some((port, next))
    });
    let (port, _next) = blocker.unwrap();
    let said = refused(&["--port", &port.to_string(), "--data", free]);
    assert!(
        said.contains(&(port + 1).to_string()) && said.contains("in use"),
        "{said}"
    );
    system.stop();

    let meta = folder.data().join("meta.json");
    let good = fs::read_to_string(&meta).unwrap();
    fs::write(&meta, good.replace("\"format\": 1", "\"format\": 99")).unwrap();
    let said = refused(&["--port", "0", "--data", data]);
    assert!(
        said.contains("format 99") && said.contains("newer version"),
        "{said}"
    );
    fs::write(&meta, &good[..good.len() / 2]).unwrap();
    let said = refused(&["--port", "0", "--data", data]);
    assert!(said.contains("is damaged"), "{said}");
    fs::write(&meta, &good).unwrap();
    let database = folder.data().join("dynamodb.sqlite");
    let whole = fs::read(&database).unwrap();
    fs::write(&database, "not a database at all").unwrap();
    let said = refused(&["--port", "0", "--data", data]);
    assert!(said.contains("is damaged"), "{said}");
    // Lost, or emptied: what it held must not be forgotten without a word.
    fs::remove_file(&database).unwrap();
    let said = refused(&["--port", "0", "--data", data]);
    assert!(said.contains("dynamodb.sqlite is missing"), "{said}");
    fs::write(&database, "").unwrap();
    let said = refused(&["--port", "0", "--data", data]);
    assert!(said.contains("dynamodb.sqlite is empty"), "{said}");
    fs::write(&database, &whole).unwrap();
    System::start(&folder, &[]).stop();
    fs::write(folder.data().join("mailbox.jsonl"), "Dear\n").unwrap();
    let said = refused(&["--port", "0", "--data", data]);
    assert!(said.contains("mailbox.jsonl"), "{said}");

    let file = free.to_owned() + "-file";
    fs::write(&file, "").unwrap();
    refused(&["--port", "0", "--data", &file]);
    let foreign = Folder::new();
    fs::write(foreign.path().join("letter.txt"), "Dear").unwrap();
    let said = refused(&["--port", "0", "--data", foreign.path().to_str().unwrap()]);
    assert!(said.contains("letter.txt"), "{said}");
    assert_eq!(
        fs::read_to_string(foreign.path().join("letter.txt")).unwrap(),
        "Dear"
    );
    for (arguments, expected) in [
        (&["--colour"][..], "--colour"),
        (&["serve"], "serve"),
        (&["--port"], "--port"),
        (&["--port", "http"], "http"),
        (&["--port", "70000"], "70000"),
        (&["--log", "loud"], "--log"),
        (
            &["--parameter", "Colour=red", "--port", "0", "--data", free],
            "Colour",
        ),
    ] {
        let said = refused(arguments);
        assert!(said.contains(expected), "{said}");
    }
}
