import assert from "node:assert/strict";
import { test } from "node:test";
import { Histogram, formatMetrics } from "./metrics.ts";

test("counters and gauges are written a line a sample, with what is awkward in a label escaped", () => {
  const text = formatMetrics([
    { name: "t_changes_total", help: "Changes\nmade.", type: "counter", samples: [{ value: 3 }] },
    {
      name: "t_up",
      help: "Who is up.",
      type: "gauge",
      samples: [
        { labels: { name: 'a"b\\c\nd', family: "4" }, value: 1 },
        { labels: {}, value: Infinity },
      ],
    },
    { name: "t_empty", help: "Nobody.", type: "gauge", samples: [] },
  ]);
  assert.equal(
    text,
    [
      "# HELP t_changes_total Changes\\nmade.",
      "# TYPE t_changes_total counter",
      "t_changes_total 3",
      "# HELP t_up Who is up.",
      "# TYPE t_up gauge",
      't_up{name="a\\"b\\\\c\\nd",family="4"} 1',
      "t_up +Inf",
      "# HELP t_empty Nobody.",
      "# TYPE t_empty gauge",
      "",
    ].join("\n"),
  );
});

test("a histogram counts what is up to each bound, its bound included", () => {
  const histogram = new Histogram([0.01, 0.1]);
  for (const value of [0.005, 0.01, 0.05, 0.1, 3]) histogram.observe(value);
  assert.equal(
    formatMetrics([{ name: "t_seconds", help: "Time.", type: "histogram", histogram }]),
    [
      "# HELP t_seconds Time.",
      "# TYPE t_seconds histogram",
      't_seconds_bucket{le="0.01"} 2',
      't_seconds_bucket{le="0.1"} 4',
      't_seconds_bucket{le="+Inf"} 5',
      "t_seconds_sum 3.165",
      "t_seconds_count 5",
      "",
    ].join("\n"),
  );
});
