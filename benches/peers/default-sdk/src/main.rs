//! What the guides of the AWS SDK lead to: default features, `load_defaults`, one PutItem per request and nothing else.
//! It validates, triages and signs nothing, so that it is the least such a function can cost.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue::S;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let config = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
    let client = &Client::new(&config);
    let table = &std::env::var("TABLE_NAME")?;
    run(service_fn(move |event: LambdaEvent<Value>| async move {
        let id = event.context.request_id;
        let body = event.payload["body"].as_str().unwrap_or_default();
        client
            .put_item()
            .table_name(table)
            .item("PK", S(format!("RESPONSE#{id}")))
            .item("SK", S("RESPONSE".to_owned()))
            .item("body", S(body.to_owned()))
            .condition_expression("attribute_not_exists(PK)")
            .send()
            .await?;
        Ok::<_, Error>(json!({"statusCode": 201, "body": id}))
    }))
    .await
}
