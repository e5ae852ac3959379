//! Alarms: how one is written, and which there are of each function and table where those are asked for.

use serde_json::{Value, json};

use crate::cfn::{named, reference, resource};

/// The condition under which a stack has an alarm for each of its functions, queues and tables.
pub(crate) const DETAILED: &str = "IsDetailed";
/// Alarms look at this long a time at once.
pub(crate) const PERIOD_S: u16 = 300;

/// A metric, as CloudWatch names it.
#[derive(Debug)]
pub(crate) struct Metric {
    pub(crate) namespace: &'static str,
    pub(crate) name: &'static str,
    pub(crate) statistic: &'static str,
    pub(crate) dimensions: Vec<(&'static str, Value)>,
}

impl Metric {
    /// Of one thing of AWS's.
    pub(crate) fn of(
        (namespace, name, statistic): (&'static str, &'static str, &'static str),
        dimension: &'static str,
        value: Value,
    ) -> Self {
        Self { namespace, name, statistic, dimensions: vec![(dimension, value)] }
    }

    fn dimensions(&self) -> Vec<Value> {
        self.dimensions.iter().map(|(name, value)| json!({ "Name": name, "Value": value })).collect()
    }
}

/// Raised when the metric is above the threshold. It says what to do first.
pub(crate) fn above(threshold: u32, metric: &Metric, name: &str, says: &str) -> Value {
    written(
        name,
        says,
        threshold,
        json!({
            "Namespace": metric.namespace,
            "MetricName": metric.name,
            "Dimensions": metric.dimensions(),
            "Statistic": metric.statistic,
            "Period": PERIOD_S,
        }),
    )
}

/// Raised when an expression over metrics, which it calls `m0`, `m1`, …, is above the threshold.
pub(crate) fn expression_above(threshold: u32, metrics: &[Metric], expression: &str, name: &str, says: &str) -> Value {
    let mut queries: Vec<Value> = metrics
        .iter()
        .enumerate()
        .map(|(index, metric)| {
            json!({
                "Id": format!("m{index}"),
                "ReturnData": false,
                "MetricStat": {
                    "Metric": {
                        "Namespace": metric.namespace,
                        "MetricName": metric.name,
                        "Dimensions": metric.dimensions(),
                    },
                    "Period": PERIOD_S,
                    "Stat": metric.statistic,
                },
            })
        })
        .collect();
    queries.push(json!({ "Id": "value", "Label": name, "ReturnData": true, "Expression": expression }));
    written(name, says, threshold, json!({ "Metrics": queries }))
}

/// Raised when a query of Metrics Insights, over all that there is in the account, is above the threshold.
pub(crate) fn query_above(threshold: u32, query: &str, name: &str, says: &str) -> Value {
    let query = json!({ "Id": "value", "Label": name, "ReturnData": true, "Expression": query, "Period": PERIOD_S });
    written(name, says, threshold, json!({ "Metrics": [query] }))
}

/// Raised when a metric has no data for so many periods.
pub(crate) fn missing(periods: u8, metric: &Metric, name: &str, says: &str) -> Value {
    let mut alarm = above(0, metric, name, says);
    alarm["Properties"]["ComparisonOperator"] = "LessThanThreshold".into();
    alarm["Properties"]["Threshold"] = 1.into();
    alarm["Properties"]["EvaluationPeriods"] = periods.into();
    alarm["Properties"]["TreatMissingData"] = "breaching".into();
    alarm
}

/// The same, raised only when it holds for two periods of three: once is nobody's business.
pub(crate) fn lasting(mut alarm: Value) -> Value {
    alarm["Properties"]["EvaluationPeriods"] = 3.into();
    alarm["Properties"]["DatapointsToAlarm"] = 2.into();
    alarm
}

/// The same, only where each function, queue and table is to have its own.
pub(crate) fn detailed(mut alarm: Value) -> Value {
    alarm["Condition"] = DETAILED.into();
    alarm
}

fn written(name: &str, says: &str, threshold: u32, watched: Value) -> Value {
    let mut alarm = resource("AWS::CloudWatch::Alarm", &watched);
    let properties = &mut alarm["Properties"];
    properties["AlarmName"] = named(name);
    properties["AlarmDescription"] = says.into();
    properties["AlarmActions"] = json!([reference("AlarmTopicArn")]);
    properties["EvaluationPeriods"] = 1.into();
    properties["Threshold"] = threshold.into();
    properties["ComparisonOperator"] = "GreaterThanThreshold".into();
    properties["TreatMissingData"] = "notBreaching".into();
    alarm
}
