//! Words of CloudFormation: intrinsics, names, and the limits of a template.

use serde_json::{Value, json};

use crate::{Result, yaml};

const HEADER: &str = "# Written by scripts/gen from the table in shared/contracts. Change the table, not this file.\n";

/// CloudFormation's limits: resources a stack, bytes a template.
const RESOURCES_MAX: usize = 500;
const TEMPLATE_BYTES_MAX: usize = 1_000_000;

/// How long logs are kept.
pub(crate) const LOG_RETENTION_DAYS: u16 = 30;

pub(crate) fn reference(name: &str) -> Value {
    json!({ "Ref": name })
}

pub(crate) fn sub(text: impl AsRef<str>) -> Value {
    json!({ "Fn::Sub": text.as_ref() })
}

pub(crate) fn get_att(resource: &str, attribute: &str) -> Value {
    json!({ "Fn::GetAtt": [resource, attribute] })
}

/// `selleasi-<env>-<name>`.
pub(crate) fn named(name: &str) -> Value {
    sub(format!("selleasi-${{Env}}-{name}"))
}

/// An ARN in this account and region: `arn("sqs", "name")`.
pub(crate) fn arn(service: &str, resource: &str) -> Value {
    sub(format!("arn:${{AWS::Partition}}:{service}:${{AWS::Region}}:${{AWS::AccountId}}:{resource}"))
}

/// `orders-place` as a logical id: `OrdersPlace`.
pub(crate) fn logical_id(name: &str) -> String {
    name.split('-').flat_map(|word| [word[..1].to_ascii_uppercase(), word[1..].to_owned()]).collect()
}

/// A resource with nothing but a type and properties, which is most of them.
pub(crate) fn resource(kind: &str, properties: &Value) -> Value {
    json!({ "Type": kind, "Properties": properties })
}

/// The text of a template.
pub(crate) fn document(template: &Value) -> Result<String> {
    let what = template["Description"].as_str().unwrap_or_default();
    let resources = template["Resources"].as_object().map_or(0, serde_json::Map::len);
    if resources > RESOURCES_MAX {
        return Err(format!("{what}: {resources} resources, CloudFormation takes {RESOURCES_MAX}: split the service"));
    }
    let text = format!("{HEADER}{}", yaml::write(template));
    if text.len() > TEMPLATE_BYTES_MAX {
        return Err(format!("{what}: {} bytes, CloudFormation takes {TEMPLATE_BYTES_MAX}", text.len()));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logical_ids_are_camel_case() {
        assert_eq!(logical_id("orders-on-payment-completed"), "OrdersOnPaymentCompleted");
    }

    #[test]
    fn a_template_that_cloudformation_would_refuse_is_not_written() {
        let of = |count: usize| {
            let resources: serde_json::Map<_, _> = (0..count).map(|n| (format!("R{n}"), json!({}))).collect();
            document(&json!({ "Description": "Books", "Resources": resources }))
        };
        assert!(of(500).is_ok());
        assert_eq!(of(501).unwrap_err(), "Books: 501 resources, CloudFormation takes 500: split the service");
        let large = document(&json!({ "Description": "Books", "Metadata": "x".repeat(TEMPLATE_BYTES_MAX) }));
        assert!(large.unwrap_err().ends_with("bytes, CloudFormation takes 1000000"));
    }
}
