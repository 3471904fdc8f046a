/**
 * Who wrote a route (rtm_protocol), a next-hop object or a neighbour: our mark in the kernel. Free of those that the
 * kernel, iproute2 and other routing programs use: 0 to 4, 8 to 18, 42, 80, 99, 186 to 192 (/etc/iproute2/rt_protos).
 */
export const routeProtocols = {
  /** What this host is itself: its workloads' addresses, its address blocks. */
  local: 121,
  /** What BGP told us. */
  bgp: 122,
} as const;

/** RT_TABLE_MAIN: the only table that is written. */
export const mainTable = 254;

/** Metric of local routes and of BGP routes without LOCAL_PREF. A lower one is to win, here and in the whole network. */
export const normalMetric = 1024;

/** LOCAL_PREF and metric add up to this: the lower the metric of a route at home, the more everybody prefers it. */
const sumOfMetricAndLocalPref = 2147483647;

export function metricToLocalPref(metric: number): number {
  return sumOfMetricAndLocalPref - metric;
}

/** 1 to 2147483647. 0 would be the kernel's word for "the default". */
export function localPrefToMetric(localPref: number | undefined): number {
  return localPref === undefined ? normalMetric : Math.max(1, sumOfMetricAndLocalPref - localPref);
}
