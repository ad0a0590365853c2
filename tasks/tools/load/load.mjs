// Load every address at the same time and tell as JSON what was measured. The wish is JSON in argv; the token comes by
// the environment, since every user of the machine can read an argument.
import autocannon from "autocannon";

const wish = JSON.parse(process.argv[2]);
const token = process.env.GREENFLOW_LOAD_TOKEN;
const headers = { ...wish.headers, ...(token ? { authorization: `Bearer ${token}` } : {}) };

const loads = wish.urls.map((url) =>
  autocannon({
    url,
    headers,
    connections: wish.connections,
    overallRate: wish.requests_per_s,
    duration: wish.duration_s,
    timeout: wish.timeout_s,
  }),
);
const told = (await Promise.all(loads)).map((result) => ({
  url: result.url,
  requests: result.requests.total,
  server_errors: result["5xx"],
  unanswered: result.errors,
  statuses: Object.fromEntries(Object.entries(result.statusCodeStats ?? {}).map(([code, { count }]) => [code, count])),
  p50_ms: result.latency.p50,
  p97_5_ms: result.latency.p97_5,
  p99_ms: result.latency.p99,
  max_ms: result.latency.max,
}));
console.log(JSON.stringify(told));
