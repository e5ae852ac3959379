//! What makes the clock call a function: a rule, and its permission.

use contracts::Row;
use serde_json::{Map, Value, json};

use crate::{
    cfn::{get_att, logical_id, reference, resource},
    model::summary,
};

/// EventBridge and Lambda: the least that can be said. A call that waited longer is not made.
const CALL_AGE_MAX_S: u8 = 60;

/// Schedules work on the account's default bus only.
pub(crate) fn resources(row: &Row, every_minutes: u16) -> Map<String, Value> {
    let id = logical_id(row.function);
    let (function, rule) = (format!("{id}Function"), format!("{id}Rule"));
    let unit = if every_minutes == 1 { "minute" } else { "minutes" };
    // A call that is missed is made up for by the next one, so that neither EventBridge, which hands the call over, nor
    // Lambda, which keeps it until the function has succeeded, tries again.
    let rule_properties = json!({
        "Description": summary(row),
        "ScheduleExpression": format!("rate({every_minutes} {unit})"),
        "Targets": [{
            "Id": "function",
            "Arn": get_att(&function, "Arn"),
            "RetryPolicy": { "MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": CALL_AGE_MAX_S },
        }],
    });
    let calls = json!({
        "FunctionName": reference(&function),
        "Qualifier": "$LATEST",
        "MaximumRetryAttempts": 0,
        "MaximumEventAgeInSeconds": CALL_AGE_MAX_S,
    });
    let permission = json!({
        "Action": "lambda:InvokeFunction",
        "FunctionName": reference(&function),
        "Principal": "events.amazonaws.com",
        "SourceArn": get_att(&rule, "Arn"),
    });
    Map::from_iter([
        (format!("{id}Calls"), resource("AWS::Lambda::EventInvokeConfig", &calls)),
        (format!("{id}Permission"), resource("AWS::Lambda::Permission", &permission)),
        (rule, resource("AWS::Events::Rule", &rule_properties)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{SWEEP, properties};

    #[test]
    fn the_clock_calls_it_on_the_default_bus_and_may() {
        let generated = Value::Object(resources(&SWEEP, 1));
        let rule = properties(&generated, "books-sweep", "Rule");
        assert_eq!(rule["ScheduleExpression"], "rate(1 minute)");
        assert!(rule.get("EventBusName").is_none(), "other buses have no schedules");
        assert_eq!(rule["Targets"][0]["Arn"], get_att("BooksSweepFunction", "Arn"));
        let permission = properties(&generated, "books-sweep", "Permission");
        assert_eq!(permission["SourceArn"], get_att("BooksSweepRule", "Arn"));
        let slower = Value::Object(resources(&SWEEP, 5));
        assert_eq!(properties(&slower, "books-sweep", "Rule")["ScheduleExpression"], "rate(5 minutes)");
    }

    #[test]
    fn a_missed_call_is_left_to_the_next_one() {
        let generated = Value::Object(resources(&SWEEP, 1));
        let rule = properties(&generated, "books-sweep", "Rule");
        assert_eq!(rule["Targets"][0]["RetryPolicy"]["MaximumRetryAttempts"], 0);
        assert_eq!(properties(&generated, "books-sweep", "Calls")["MaximumRetryAttempts"], 0);
    }
}
