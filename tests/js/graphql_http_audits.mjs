// The audits of GraphQL over HTTP, against a running server.
// Usage: node graphql_http_audits.mjs URL; prints [{id, name, status, reason}] as JSON.

import { auditServer } from 'graphql-http';

const [url] = process.argv.slice(2);
const results = await auditServer({ url });
console.log(JSON.stringify(results.map(({ id, name, status, reason }) => ({ id, name, status, reason }))));
